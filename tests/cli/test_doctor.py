"""`inngest doctor` against real engines and apps with one thing wrong each: what it says, and what to do."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import flask
import pytest

import inngest
import inngest.flask
from tests.stage.servers import free_port

from .commands import SHOP, dev, ended, run_here

pytestmark = pytest.mark.live

KEY = "signkey-prod-" + "ab" * 16


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def serving(app: Callable[..., Any]) -> Generator[str]:
    """Serve a WSGI app in a thread; yield its origin."""
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def shop(*, path: str = "/api/inngest", has_functions: bool = True, **options: Any) -> flask.Flask:
    client = inngest.Inngest(app_id="shop", **options)

    @client.create_function(fn_id="order", trigger=inngest.TriggerEvent(event="order/placed"))
    def order(ctx: inngest.ContextSync) -> None:
        pass

    app = flask.Flask("shop")
    inngest.flask.serve(app, client, [order] if has_functions else [], serve_path=path)
    return app


def wrong(*arguments: str, **environ: str) -> dict[str, dict[str, str]]:
    """Return what is wrong, by the names of the checks; each has a sentence and a fix."""
    code, printed = run_here("doctor", *arguments, "--json", **environ)
    found = json.loads(printed)
    checks = {one["check"]: one for one in found["checks"] if not one["ok"]}
    assert found["ok"] is not bool(checks)
    assert code == (1 if checks else 0)
    assert all(one["says"] and one["fix"] for one in checks.values())
    return checks


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An engine in dev mode that runs an app."""
    folder = tmp_path_factory.mktemp("doctor")
    (folder / "shop.py").write_text(SHOP)
    with dev("shop", folder=folder) as session:
        origin = session.origin()
        session.until("ready:")
        yield origin


def test_all_is_well(engine: str) -> None:
    done = ended("doctor", engine)
    assert done.returncode == 0
    assert f"ok     engine        an engine answers at {engine} in dev mode\n" in done.stdout
    assert "/api/inngest serves 3 functions\n" in done.stdout
    assert "wrong" not in done.stdout


def test_no_engine_and_a_port_that_is_taken() -> None:
    free = f"http://127.0.0.1:{free_port()}"
    found = wrong("--url", free)["engine"]
    assert f"no engine is running at {free} (" in found["says"]
    assert "start one with `inngest dev module:app --port " in found["fix"]
    with serving(flask.Flask("other")) as other:
        found = wrong("--url", other)["engine"]
        assert "is taken by a program that is not an engine" in found["says"]
        assert "/health answers 404 with text/html" in found["says"]
        assert "start the engine elsewhere: inngest dev --port " in found["fix"]


def test_an_engine_that_no_app_has_registered_with_and_two_distributions(tmp_path: Path) -> None:
    for name in ("inngest", "inngest_suite"):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
    more = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with dev(folder=tmp_path) as session:
        done = ended("doctor", session.origin(), "--json", PYTHONPATH=more)
    assert done.returncode == 1
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["apps"]["says"].startswith("no app has registered with the engine at ")
    assert "the distribution inngest (the official SDK) is installed beside inngest-suite" in found["package"]["says"]
    assert found["package"]["fix"].startswith("pip uninstall inngest inngest-suite")


def test_an_app_that_the_engine_does_not_know_or_that_is_not_there(engine: str) -> None:
    with serving(shop(is_production=False)) as origin:
        found = wrong(f"{origin}/api/inngest", "--url", engine)
        assert (
            f"the engine knows no app at {origin}/api/inngest; those that it knows are at"
            in (found["registration"]["says"])
        )
        assert f"curl -X PUT {origin}/api/inngest" in found["registration"]["fix"]
    nowhere = f"http://127.0.0.1:{free_port()}/api/inngest"
    found = wrong(nowhere, "--url", engine)
    assert f"nothing answers at {nowhere} (" in found["app"]["says"]


def test_paths_that_are_wrong(engine: str) -> None:
    with serving(shop(is_production=False)) as origin:
        found = wrong(f"{origin}/shop/api/inngest", "--url", engine)["path"]
        assert "functions are served at /api/inngest: a proxy changes the path" in found["says"]
        assert "INNGEST_SERVE_PATH=/api/inngest" in found["fix"]
    with serving(shop(is_production=False, path="/elsewhere")) as origin:
        found = wrong(f"{origin}/api/inngest", "--url", engine)["path"]
        assert "404 with text/html; charset=utf-8, and not from an Inngest SDK" in found["says"]


def test_apps_in_another_mode_without_a_key_or_without_functions(engine: str) -> None:
    with serving(shop(is_production=True, signing_key=KEY)) as origin:
        url = f"{origin}/api/inngest"
        found = wrong(url, "--url", engine, "--signing-key", KEY)["mode"]
        assert "is in cloud mode, and refuses an engine in dev mode" in found["says"]
        found = wrong(url, "--url", engine)["signature"]
        assert "answers signed requests only, and no key is set here" in found["says"]
        found = wrong(url, "--url", engine, INNGEST_SIGNING_KEY=KEY.replace("ab", "cd"))["signature"]
        assert "refuses what is signed with the key that is set here" in found["says"]
        assert "ab" * 16 not in json.dumps(found)
    with serving(shop(is_production=False, has_functions=False)) as origin:
        assert "serves no functions" in wrong(f"{origin}/api/inngest", "--url", engine)["functions"]["says"]


def test_a_self_hosted_engine_and_its_keys(tmp_path: Path) -> None:
    keys = {"INNGEST_SIGNING_KEY": "ab" * 16, "INNGEST_EVENT_KEY": "event-1"}
    with (
        dev("--persist", "x.db", folder=tmp_path, name="start", **keys) as session,
        serving(shop(is_production=False)) as app,
    ):
        origin = session.origin()
        assert "asks for a key" in wrong("--url", origin)["key"]["says"]
        found = wrong(f"{app}/api/inngest", "--url", origin, **keys)
        assert "is in dev mode, so it signs nothing" in found["mode"]["says"]
        assert "INNGEST_DEV is set here" in wrong(origin, INNGEST_DEV="1", **keys)["mode"]["says"]


def test_a_clock_that_is_late(engine: str) -> None:
    def app(environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response(
            "200 OK",
            [
                ("Content-Type", "application/json"),
                ("X-Inngest-SDK", "js:v3"),
                ("Date", "Fri, 01 Jan 2021 00:00:00 GMT"),
            ],
        )
        return [b'{"mode": "dev", "function_count": 1}']

    with serving(app) as origin:
        found = wrong(f"{origin}/x", "--url", engine)["clock"]
    assert f"the clock of the app at {origin}/x is " in found["says"]
    assert " s behind that of this machine" in found["says"]
