"""`inngest start` as a process, with apps and workers in cloud mode as processes: keys, and how they are changed."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from inngest_core.protocol.signing import SigningKey
from tests.cli.commands import Dev, dev, environ, run
from tests.stage.effects import News
from tests.stage.servers import free_port

from .engine_client import EngineClient, Seen

OLD, NEW = "signkey-test-" + "ab" * 32, "cd" * 32
EVENT_KEY, OTHER_EVENT_KEY = "event-key-of-tests", "other-event-key"
SHOP = """
import inngest, pathlib, time
client = inngest.Inngest(app_id="shop")

def note(line):
    with open("log", "a") as file:
        file.write(line + "\\n")
    return line

async def order(ctx: inngest.Context) -> dict:
    n = ctx.event.data["n"]
    one = await ctx.step.run("one", note, f"one {n}")
    paid = await ctx.step.wait_for_event("paid", event="shop/paid", timeout=10**7)
    big = await ctx.step.run("big", lambda: "x" * 2_500_000)
    big += await ctx.step.run("more", lambda: "y" * 2_500_000)
    sent = await ctx.step.send_event("send", inngest.Event(name="shop/sent"))
    return {"one": one, "paid": paid is not None, "big": len(big), "sent": len(sent)}

def order_sync(ctx: inngest.ContextSync) -> dict:
    n = ctx.event.data["n"]
    one = ctx.step.run("one", note, f"one {n}")
    paid = ctx.step.wait_for_event("paid", event="shop/paid", timeout=10**7)
    big = ctx.step.run("big", lambda: "x" * 2_500_000)
    big += ctx.step.run("more", lambda: "y" * 2_500_000)
    sent = ctx.step.send_event("send", inngest.Event(name="shop/sent"))
    return {"one": one, "paid": paid is not None, "big": len(big), "sent": len(sent)}
"""
DEFINED = """
orders = client.create_function(fn_id="order", trigger=inngest.TriggerEvent(event="shop/order"))(%s)
"""
FASTAPI = (
    SHOP
    + DEFINED % "order"
    + """
import fastapi, inngest.fastapi
app = fastapi.FastAPI()
inngest.fastapi.serve(app, client, [orders])
"""
)
FLASK = (
    SHOP
    + DEFINED % "order_sync"
    + """
import flask, inngest.flask
app = flask.Flask(__name__)
inngest.flask.serve(app, client, [orders])
"""
)
WORKER = (
    SHOP
    + DEFINED % "order"
    + """
from inngest.connect import connect
connect([(client, [orders])], instance_id="worker").run()
"""
)
SERVERS = {
    "fastapi": (FASTAPI, ("uvicorn", "--port")),
    "flask": (FLASK, ("waitress", "--listen")),
}
DONE = {"one": "one 1", "paid": True, "big": 5_000_000, "sent": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


class Hosted:
    """A running `inngest start`, and its API with a key."""

    def __init__(self, it: Dev, key: str) -> None:
        self.dev = it
        self.origin = it.origin()
        bearer = SigningKey(key).bearer().removeprefix("Bearer ")
        self.engine = EngineClient(self.origin, News(), event_key=EVENT_KEY, bearer=bearer)

    def ended(self, event_id: str) -> Seen:
        """Read the terminal up to the end of the event's run."""
        while (found := self.engine.runs(event_id)[0]).status == "Running":
            self.dev.until(" run ")
        return found


@contextlib.contextmanager
def hosted(folder: Path, *arguments: str, key: str = OLD, fallback: str = "", port: int = 0) -> Generator[Hosted]:
    keys = {"INNGEST_SIGNING_KEY": key, "INNGEST_SIGNING_KEY_FALLBACK": fallback}
    more = ("--port", str(port), *arguments)
    with dev(*more, folder=folder, name="start", INNGEST_EVENT_KEY=f"{EVENT_KEY}, {OTHER_EVENT_KEY}", **keys) as it:
        made = Hosted(it, key)
        try:
            yield made
        finally:
            made.engine.__exit__()
            it.process.send_signal(signal.SIGTERM)
            assert "Traceback" not in it.rest()


@contextlib.contextmanager
def process(folder: Path, command: list[str], origin: str, key: str, **more: str) -> Generator[subprocess.Popen[bytes]]:
    """Run an app or a worker in cloud mode."""
    variables = environ(
        INNGEST_BASE_URL=origin, INNGEST_SIGNING_KEY=key, INNGEST_EVENT_KEY=EVENT_KEY, PYTHONPATH=_path(), **more
    )
    with subprocess.Popen([sys.executable, *command], cwd=folder, env=variables, stderr=subprocess.DEVNULL) as app:
        try:
            yield app
        finally:
            app.kill()


def _path() -> str:
    return str(Path(__file__).parents[2])


@contextlib.contextmanager
def served(folder: Path, kind: str, port: int, origin: str, key: str) -> Generator[None]:
    source, (server, option) = SERVERS[kind]
    (folder / "shop.py").write_text(source)
    where = str(port) if server == "uvicorn" else f"127.0.0.1:{port}"
    with process(folder, ["-m", server, f"{option}={where}", "shop:app"], origin, key):
        yield


@pytest.mark.parametrize("kind", list(SERVERS))
def test_an_app_in_cloud_mode_and_a_change_of_keys_while_a_run_goes_on(folder: Path, kind: str) -> None:
    """The run begins with the old key everywhere, and ends with the new one everywhere; nobody stops it."""
    port, engine_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}/api/inngest"
    with hosted(folder, "-u", url, port=engine_port) as it, served(folder, kind, port, it.origin, OLD):
        it.dev.until("ready:")
        assert "(self-hosted, keeps runs in " in it.dev.seen
        assert str(folder / ".inngest" / "engine.db") in it.dev.seen
        first, second = (it.engine.send("shop/order", {"n": n}) for n in (1, 2))
        it.dev.until("waits for")
        it.dev.until("waits for")
        refused = httpx.post(f"{url}?fnId=shop-order&stepId=step", json={}, trust_env=False, timeout=60)
        assert (refused.status_code, refused.json()["code"]) == (401, "header_missing")
    with hosted(folder, "-u", url, port=engine_port, key=NEW, fallback=OLD) as it:
        with served(folder, kind, port, it.origin, OLD):  # the engine is ahead of its app
            it.dev.until("ready:")
            it.engine.send("shop/paid")
            assert it.ended(first).output == DONE
            assert it.ended(second).output == {**DONE, "one": "one 2"}
            third = it.engine.send("shop/order", {"n": 3})
            it.dev.until("waits for")
        with served(folder, kind, port, it.origin, NEW):
            httpx_until_up(url)
            it.engine.send("shop/paid")
            assert it.ended(third).output == {**DONE, "one": "one 3"}
    with hosted(folder, port=engine_port, key=NEW) as it:
        assert [run.status for run in it.engine.latest()] == ["Completed"] * 3
        old = httpx.get(f"{it.origin}/v1/runs", headers={"authorization": f"Bearer {OLD}"}, trust_env=False, timeout=60)
        assert old.status_code == 401
    lines = (folder / "log").read_text().splitlines()
    assert sorted(lines) == ["one 1", "one 2", "one 3"]


def httpx_until_up(url: str) -> None:
    """Have the app register as a deploy does, as soon as it is there; the test's time-out is the limit."""
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.put(url, trust_env=False, timeout=60).status_code == 200:
                return


def test_a_worker_with_keys(folder: Path) -> None:
    (folder / "work.py").write_text(WORKER)
    with hosted(folder) as it, process(folder, ["work.py"], it.origin, OLD):
        it.dev.until("of shop connected")
        order = it.engine.send("shop/order", {"n": 1})
        it.dev.until("waits for")
        it.engine.send("shop/paid")
        assert it.ended(order).output == DONE


def test_a_worker_goes_over_to_its_fallback_key(folder: Path) -> None:
    (folder / "work.py").write_text(WORKER)
    with hosted(folder) as it, process(folder, ["work.py"], it.origin, NEW, INNGEST_SIGNING_KEY_FALLBACK=OLD):
        it.dev.until("of shop connected")
        order = it.engine.send("shop/order", {"n": 1})
        it.dev.until("waits for")
        assert it.engine.runs(order)[0].status == "Running"


def test_an_app_that_it_runs_gets_its_keys_and_no_key_is_shown(folder: Path) -> None:
    (folder / "shop.py").write_text(FLASK.replace("app = flask", "import os\napp = flask") + PROBE)
    keys = ("--signing-key", OLD, f"--event-key={EVENT_KEY}", "--event-key", OTHER_EVENT_KEY)
    with dev("shop", *keys, "--persist", "kept/here.db", folder=folder, name="start") as it:
        made = Hosted(it, OLD)
        try:
            app_url = it.until("  app  ").split()[1]
            it.until("ready:")
            assert "warning" not in it.seen
            order = made.engine.send("shop/order", {"n": 1})
            it.until("waits for")
            made.engine.send("shop/paid")
            assert made.ended(order).output == DONE
            keys_of_app = httpx.get(app_url.replace("/api/inngest", "/keys"), trust_env=False, timeout=60).json()
            assert keys_of_app == {"event": EVENT_KEY, "signing": OLD, "dev": "0", "token": None}
            title = Path(f"/proc/{it.process.pid}/cmdline").read_bytes() if sys.platform == "linux" else b""
            for secret in (OLD, OLD.removeprefix("signkey-test-"), EVENT_KEY, OTHER_EVENT_KEY):
                assert secret not in it.seen
                assert secret.encode() not in title
            assert (folder / "kept" / "here.db").exists()
            shown = run("runs", "--url", made.origin, INNGEST_SIGNING_KEY=OLD)
            assert "shop-order  completed" in shown
            run("send", "shop/paid", "--url", made.origin, INNGEST_EVENT_KEY=OTHER_EVENT_KEY)
            for name in (("runs",), ("send", "a")):
                said = run(*name, "--url", made.origin, INNGEST_SIGNING_KEY=NEW, code=1)
                assert "asks for a key" in said
        finally:
            made.engine.__exit__()


PROBE = """
@app.get("/keys")
def keys():
    env = os.environ.get
    return {"event": env("INNGEST_EVENT_KEY"), "signing": env("INNGEST_SIGNING_KEY"), "dev": env("INNGEST_DEV"),
            "token": env("INNGEST_TOKEN")}
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "needs a signing key"),
        (("--signing-key", OLD), "needs an event key"),
        (("--signing-key", "secret", "--event-key", "k"), "--signing-key is not hexadecimal"),
        (("--signing-key", "ab", "--event-key", "k"), "fewer than 16 digits"),
        (("--signing-key", OLD, "--signing-key-fallback", "secret", "--event-key", "k"), "--signing-key-fallback is"),
        (("--signing-key", OLD, "--event-key", "a/secret"), "--event-key is part of an address"),
        (("--signing-key", OLD, "--event-key", "k", "--allowed-host", "http://x"), "--allowed-host 'http://x' is not"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_started(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    shown = run("start", *arguments, folder=tmp_path, code=2)
    assert said in shown
    assert not [secret for secret in ("secret", OLD) if secret in shown]
    assert not (tmp_path / ".inngest").exists()


def test_an_app_in_dev_mode_is_refused_and_told_why(folder: Path) -> None:
    (folder / "shop.py").write_text(FLASK.replace('app_id="shop"', 'app_id="shop", is_production=False'))
    keys = {"INNGEST_SIGNING_KEY": OLD, "INNGEST_EVENT_KEY": EVENT_KEY}
    with dev("shop", folder=folder, name="start", **keys) as it:
        assert "the app is in dev mode" in it.until("warning:")
        it.until("could not register (400)")
