"""The command `inngest` as a user runs it: real processes, free ports, and what it says when something is wrong."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Generator
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]

SHOP = """
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="shop", is_production=False)

@client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="user/came", expression="event.data.n > 1"))
def greet(ctx, step):
    return step.run("say", lambda: "hello " + ctx.event.data["name"])

@client.create_function(fn_id="nightly", trigger=inngest.TriggerCron(cron="0 3 * * *"))
def nightly(ctx, step):
    return None

@client.create_function(fn_id="fail", trigger=inngest.TriggerEvent(event="user/fell"))
def fail(ctx, step):
    raise inngest.NonRetriableError("ouch")

app = flask.Flask(__name__)
inngest.flask.serve(app, client, [greet, nightly, fail])

@app.get("/end")
def end():
    import os
    os._exit(3)
"""


def environ(**more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    return {**plain, **more}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "inngest_cli", *arguments]


def run(*arguments: str, folder: Path | None = None, code: int = 0, stdin: str = "", **more: str) -> str:
    """Run a command to its end; return what it printed, errors if it is to fail."""
    done = subprocess.run(
        command(*arguments), cwd=folder, env=environ(**more), input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


class Dev:
    """A running `inngest dev`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen = ""

    def until(self, text: str) -> str:
        """Read lines up to one with *text*; return it. The test's time-out is the limit."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen += line
            if text in line:
                return line
        raise AssertionError(f"no {text!r} in:\n{self.seen}")

    def rest(self) -> str:
        """Return what is printed up to the end of the command and of its app: both hold the other end."""
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def origin(self) -> str:
        found = re.search(r"http://[\d.]+:\d+", self.until("engine  "))
        assert found is not None
        return found[0]


@contextlib.contextmanager
def dev(*arguments: str, folder: Path, **more: str) -> Generator[Dev, None, None]:
    with subprocess.Popen(
        command("dev", "--port", "0", *arguments),
        cwd=folder,
        env=environ(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Dev(process)
        finally:
            process.terminate()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def answers(origin: str) -> bool:
    host, _, port = origin.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionError:
        return False
    return True


def test_version_and_usage() -> None:
    assert run("--version") == "inngest-suite 0.1.0\n"
    assert "COMMAND" in run(code=2)
    for name in ("dev", "send", "runs"):
        assert name in run("--help")
        assert "usage: inngest" in run(name, "--help")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_session(shop: Path, number: signal.Signals) -> None:
    with dev("shop", folder=shop) as session:
        origin = session.origin()
        session.until("ready:")
        assert "shop-greet    user/came if event.data.n > 1" in session.seen
        assert "shop-nightly  cron 0 3 * * *" in session.seen
        assert f"inngest send user/came '{{}}' --url {origin}" in session.seen

        sent = run("send", "user/came", '{"name": "Ada", "n": 2.0}', "--url", origin)
        event = sent.split()[2]
        session.until("run completed")
        shown = run("runs", "--event", event, INNGEST_DEV=origin)
        assert "shop-greet  completed in" in shown
        assert "say: done" in shown
        assert 'output  "hello Ada"' in shown
        assert run("runs", shown.split()[0], "--url", origin) == shown
        assert run("runs", "--url", f"{origin}/").startswith(shown.splitlines()[0])

        unmatched = run("send", "user/came", "-", "--url", origin, stdin='{"n": 1}').split()[2]
        assert "has started no run" in run("runs", "--event", unmatched, "--url", origin)

        fell = run("send", "user/fell", "--url", origin).split()[2]
        session.until("run failed")
        assert "failed: NonRetriableError: ouch" in run("runs", "--event", fell, "--url", origin)

        session.process.send_signal(number)
        assert "Traceback" not in session.rest()
        assert session.process.wait() == 0
        assert not answers(origin)


def test_ctrl_c_of_a_terminal_reaches_the_app_too_and_nobody_complains(shop: Path) -> None:
    with subprocess.Popen(
        command("dev", "shop", "--port", "0"),
        cwd=shop,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        session = Dev(process)
        session.until("ready:")
        os.killpg(process.pid, signal.SIGINT)
        assert session.rest() == ""
        assert process.wait() == 0


def test_the_app_ends_when_the_command_is_killed(shop: Path) -> None:
    with dev("shop", folder=shop) as session:
        found = re.search(r"http://[\d.]+:\d+", session.until("  app  "))
        session.until("ready:")
        session.process.kill()
        session.rest()
        assert found is not None
        assert not answers(found[0])


def test_an_app_that_runs_elsewhere_is_waited_for_in_one_line(shop: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with dev("-u", f"http://127.0.0.1:{port}/api/inngest", folder=shop) as session:
        origin = session.origin()
        session.until("waiting for an app at")
        app = subprocess.Popen(
            [sys.executable, "-m", "inngest_devserver.host", "shop", "--port", str(port)],
            cwd=shop,
            env=environ(INNGEST_DEV=origin),
            stderr=subprocess.DEVNULL,
        )
        try:
            session.until("ready:")
            assert session.seen.count("waiting for an app at") == 1
            assert "shop-greet" in session.seen
        finally:
            app.terminate()
            app.wait()


def test_runs_are_kept_in_a_file(shop: Path) -> None:
    with dev("shop", "--quiet", "--persist", "kept/engine.db", folder=shop) as session:
        origin = session.origin()
        assert "keeps runs in kept/engine.db" in session.seen
        session.until("ready:")
        event = run("send", "user/fell", "--url", origin).split()[2]
        while "failed in" not in run("runs", "--event", event, "--url", origin):
            pass
        session.process.terminate()
        assert session.process.wait() == 0
        assert "run failed" not in session.rest()
    with dev("--persist", "kept/engine.db", folder=shop) as session:
        origin = session.origin()
        assert "failed: NonRetriableError: ouch" in run("runs", "--event", event, "--url", origin)


def test_without_an_app_it_says_how_to_name_one(tmp_path: Path) -> None:
    with dev(folder=tmp_path) as session:
        session.until("no app: name one, as in inngest dev module:app")


def test_what_the_environment_says_otherwise_is_kept_with_a_warning(shop: Path) -> None:
    with dev("shop", folder=shop, INNGEST_API_BASE_URL="http://127.0.0.1:1") as session:
        assert "INNGEST_API_BASE_URL=http://127.0.0.1:1 is kept" in session.until("warning:")


def test_an_app_in_cloud_mode_is_warned_of(shop: Path) -> None:
    (shop / "shop.py").write_text(SHOP.replace("is_production=False", "is_production=True"))
    with dev("shop", folder=shop) as session:
        assert "the app is in cloud mode" in session.until("warning:")


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


def test_an_app_that_ends_ends_the_command(shop: Path) -> None:
    with dev("shop", folder=shop) as session:
        found = re.search(r"127.0.0.1:(\d+)", session.until("  app  "))
        assert found is not None
        session.until("ready:")
        with socket.create_connection(("127.0.0.1", int(found[1]))) as caller:
            caller.sendall(b"GET /end HTTP/1.1\r\nhost: x\r\n\r\n")
            session.until("inngest: the app shop ended with exit code 3")
        assert session.process.wait() == 1


BUSY = """
import time
from starlette.applications import Starlette
import inngest, inngest.starlette

client = inngest.Inngest(app_id="busy", is_production=False)

@client.create_function(fn_id="loop", trigger=inngest.TriggerEvent(event="block/loop"))
async def loop(ctx):
    await ctx.step.run("block", lambda: time.sleep(600))

@client.create_function(fn_id="thread", trigger=inngest.TriggerEvent(event="block/thread"))
def thread(ctx):
    ctx.step.run("block", lambda: time.sleep(600))

app = Starlette()
inngest.starlette.serve(app, client, [loop, thread])
"""


@pytest.mark.parametrize("event", ["block/loop", "block/thread"])
def test_a_step_that_blocks_does_not_hold_up_the_end(tmp_path: Path, event: str) -> None:
    (tmp_path / "busy.py").write_text(BUSY)
    with dev("busy", folder=tmp_path) as session:
        origin = session.origin()
        session.until("ready:")
        run("send", event, "--url", origin)
        session.until("run started")
        session.process.send_signal(signal.SIGINT)
        session.rest()
        assert session.process.wait() == 0


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
    (tmp_path / "engine.db").write_text("this is no database, and long enough to be seen as none" * 20)
    assert "--persist engine.db cannot be used" in run("dev", "--persist", "engine.db", folder=tmp_path, code=1)
    assert "--persist engine.db/x cannot be used" in run("dev", "--persist", "engine.db/x", folder=tmp_path, code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["dev", "-u", "localhost:5000"],
            "inngest: -u 'localhost:5000' is no URL; write it as in http://127.0.0.1:5000",
        ),
        (["dev", "--path", "/x"], "inngest: --path is about an app that this command runs"),
        (["dev", "--persist", "shop:app"], "inngest: --persist took 'shop:app' for its FILE; put module:app before"),
        (["dev", "--port", "http"], "argument --port: 'http' is no port; give 0 to 65535"),
        (["dev", "--path", "x"], "argument --path: 'x' is no path; start it with /"),
        (["dev", "--retry-interval", "soon"], "'soon' is no number of seconds"),
        (["send", "a", "{id: 1}"], "inngest: DATA_JSON '{id: 1}': the body is not JSON"),
        (
            ["send", "a", "[1]"],
            "inngest: DATA_JSON '[1]' is a JSON array, expected an object; write it as in '{\"id\": 1}'",
        ),
        (["send", "a", "--url", "localhost"], "inngest: --url 'localhost' is no URL"),
        (["runs", "x", "--event", "y"], "not allowed with argument"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    shown = run(*arguments, code=2)
    assert said in shown
    assert "Traceback" not in shown


def test_no_engine_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    for arguments in (["send", "a"], ["runs"]):
        shown = run(*arguments, "--url", url, code=1)
        assert shown.startswith(f"inngest: no engine answers at {url}")
        assert "start one with `inngest dev module:app`" in shown
        assert len(shown.splitlines()) == 1


def test_what_the_engine_does_not_know(tmp_path: Path) -> None:
    with dev(folder=tmp_path) as session:
        origin = session.origin()
        assert run("runs", "--url", origin) == "no runs yet; send an event with: inngest send NAME\n"
        unknown = "01M81VAVFH3Q1M1WJAG82E1HVG"
        assert run("runs", unknown, "--url", origin, code=1) == f"inngest: there is no run {unknown} at {origin}\n"
        assert "there is no event nope" in run("runs", "--event", "nope", "--url", origin, code=1)
        assert "Invalid run ID" in run("runs", "nope", "--url", origin, code=1)
        assert "reserved for the engine" in run("send", "inngest/x", "--url", origin, code=1)


@pytest.mark.parametrize("missing", ["uvicorn", "cel_expr_python"])
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


@pytest.mark.parametrize("framework", ["flask", "starlette", "fastapi"])
def test_the_demo_shows_that_all_runs_end_as_they_should(framework: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.demo", framework],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All runs ended as they should" in done.stdout
    assert done.stderr == ""
