"""What `inngest` says when something is wrong: one line that names what to change."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tests.stage.servers import free_port

from .commands import SHOP, dev, environ, run

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shap", "inngest: there is no module 'shap' in "),
        ("shop:ap", "inngest: module 'shop' has no 'ap'; did you mean shop:app?"),
        (
            "shop:client",
            "inngest: shop:client is of type Inngest, expected an ASGI or WSGI app; did you mean shop:app?",
        ),
        ("shop.py", "inngest: 'shop.py' names a file; write a module, as in shop:app"),
        ("crash", "inngest: importing crash failed: ZeroDivisionError: division by zero"),
    ],
)
def test_an_app_that_cannot_be_run(shop: Path, target: str, said: str) -> None:
    (shop / "crash.py").write_text("1 / 0")
    shown = run("dev", target, "--port", "0", folder=shop, code=1)
    assert shown.splitlines()[-1].startswith(said)
    assert ("Traceback" in shown) is (target == "crash")


def test_a_port_in_use_names_the_option(shop: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        engine = run("dev", "--port", port, folder=shop, code=1)
        app = run("dev", "shop", "--port", "0", "--app-port", port, folder=shop, code=1)
    assert "Address already in use; choose another with --port, or 0 for any free one" in engine
    assert "Address already in use; choose another --app-port" in app
    assert port in engine
    assert port in app


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "engine.db").write_text("this is not a database, and long enough to be seen as none" * 20)
    assert "--persist engine.db cannot be used" in run("dev", "--persist", "engine.db", folder=tmp_path, code=1)
    assert "--persist engine.db/x cannot be used" in run("dev", "--persist", "engine.db/x", folder=tmp_path, code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["dev", "-u", "localhost:5000"],
            "inngest: -u 'localhost:5000' is not a URL; write it as in http://127.0.0.1:5000",
        ),
        (["dev", "--path", "/x"], "inngest: --path is about an app that this command runs"),
        (["dev", "--persist", "shop:app"], "inngest: --persist took 'shop:app' for its FILE; put module:app before"),
        (["dev", "--port", "http"], "argument --port: 'http' is not a port; give 0 to 65535"),
        (["dev", "--path", "x"], "argument --path: 'x' is not a path; start it with /"),
        (["dev", "--retry-interval", "soon"], "'soon' is not a number of seconds"),
        (["send", "a", "{id: 1}"], "inngest: DATA_JSON '{id: 1}': the body is not JSON"),
        (
            ["send", "a", "[1]"],
            "inngest: DATA_JSON '[1]' is a JSON array, expected an object; write it as in '{\"id\": 1}'",
        ),
        (["send", "a", "--url", "localhost"], "inngest: --url 'localhost' is not a URL"),
        (["runs", "x", "--event", "y"], "not allowed with argument"),
        (["runs", "--export", "x"], "--export needs the id of the run: inngest runs RUN_ID --export FILE"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    shown = run(*arguments, code=2)
    assert said in shown
    assert "Traceback" not in shown


def test_no_engine_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for arguments in (["send", "a"], ["runs"]):
        shown = run(*arguments, "--url", url, code=1)
        assert shown.startswith(f"inngest: no engine is running at {url} (")
        port = url.rpartition(":")[2]
        assert f"start one with `inngest dev module:app --port {port}`, or name another with --url" in shown
        assert len(shown.splitlines()) == 1


def test_an_engine_that_hangs_up_is_not_taken_for_none() -> None:
    def hang_up(listener: socket.socket) -> None:
        listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=hang_up, args=(listener,))
        thread.start()
        shown = run("send", "a", "--url", url, code=1)
        thread.join()
    assert shown.startswith(f"inngest: the engine at {url} did not answer (")


def test_what_the_engine_does_not_know(tmp_path: Path) -> None:
    with dev(folder=tmp_path) as session:
        origin = session.origin()
        assert run("runs", "--url", origin) == f"no runs yet; send an event with: inngest send NAME --url {origin}\n"
        unknown = "01M81VAVFH3Q1M1WJAG82E1HVG"
        assert run("runs", unknown, "--url", origin, code=1) == f"inngest: there is no run {unknown} at {origin}\n"
        assert "there is no event nope" in run("runs", "--event", "nope", "--url", origin, code=1)
        assert "refused: Run ID must be a valid ULID" in run("runs", "nope", "--url", origin, code=1)
        assert "reserved for the engine" in run("send", "inngest/x", "--url", origin, code=1)


@pytest.mark.parametrize("missing", ["uvicorn", "starlette", "httptools"])
def test_a_missing_extra_is_named(missing: str) -> None:
    source = f"""
        import sys
        sys.modules[{missing!r}] = None
        from inngest_cli.main import main
        sys.exit(main(["dev", "--port", "0"]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=False, env=environ()
    )
    assert done.returncode == 1
    expected = f"the engine needs {missing}, which is not installed: pip install 'inngest-suite[dev-server]'"
    assert done.stderr == f"inngest: {expected}\n"


def test_a_missing_server_for_the_app_is_named(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(f"import sys\nsys.modules['waitress'] = None\n{SHOP}")
    said = run("dev", "--port=0", "shop:app", folder=tmp_path, code=1)
    needed = "this needs waitress, which is not installed: pip install 'inngest-suite[dev-server]'"
    assert said == f"inngest: shop:app cannot be run: {needed}\n"
