"""`inngest worker`: functions are run by a process that connected to the engine of another command."""

from __future__ import annotations

import contextlib
import signal
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inngest.connect import Worker
from inngest_cli.worker_targets import load_served
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer

from .commands import SHOP, Dev, command, environ, run, running

pytestmark = pytest.mark.live

CLIENT = textwrap.dedent(
    """
    import inngest
    from inngest.connect import connect

    client = inngest.Inngest(app_id="shop", is_production=False)

    @client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="user/came"))
    async def greet(ctx):
        ctx.logger.info("greeting")
        return "hello"
    """
)
FORMS = {
    "shop:app": SHOP,
    "shop:client": CLIENT,
    "shop:greet": CLIENT,
    "shop": CLIENT,
    "shop:functions": f"{CLIENT}\nfunctions = [greet]\n",
    "shop:pairs": f"{CLIENT}\npairs = [(client, [greet])]\n",
    "shop:make": f"{CLIENT}\ndef make():\n    return [greet]\n",
    "shop:worker": f"{CLIENT}\nworker = connect([(client, [greet])], instance_id='mine')\n",
    "shop:make()": f"{CLIENT}\ndef make():\n    return connect([(client, [greet])])\n",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[DevServer]:
    with DevServer(Options(sink=None), port=0) as server:
        yield server


def worker(*arguments: str, folder: Path, engine: DevServer) -> contextlib.AbstractContextManager[Dev]:
    """Run the command beside the block."""
    return running(command("worker", *arguments), folder, environ(INNGEST_DEV=engine.origin))


def result(engine: DevServer) -> object:
    """Send the event that starts the function, and return what that returned."""
    event = run("send", "user/came", '{"name": "Ada", "n": 2}', "--url", engine.origin).split()[2]
    while True:
        runs = httpx.get(f"{engine.origin}/v1/events/{event}/runs", timeout=60).json()["data"]
        if runs and runs[0]["status"] == "Completed":
            return runs[0]["output"]


@pytest.mark.parametrize("target", ["shop:app", "shop"])
def test_functions_are_run(tmp_path: Path, engine: DevServer, target: str) -> None:
    (tmp_path / "shop.py").write_text(FORMS[target])
    with worker(target, "--instance-id", "one", folder=tmp_path, engine=engine) as session:
        session.until("connected to")
        assert "worker one of " + target in session.seen
        assert str(result(engine)).startswith("hello")
        session.process.send_signal(signal.SIGINT)
        session.rest()
        assert session.process.wait() == 0


@pytest.mark.parametrize("target", FORMS)
def test_what_a_target_stands_for(tmp_path: Path, target: str) -> None:
    (tmp_path / "shop.py").write_text(FORMS[target])
    try:
        served = load_served(target, tmp_path)
    finally:
        sys.modules.pop("shop", None)
        sys.path.remove(str(tmp_path))
    clients = served.clients if isinstance(served, Worker) else tuple(client for client, _ in served)
    assert [client.app_id for client in clients] == ["shop"]
    assert isinstance(served, Worker) is ("worker" in target or "()" in target)
    assert isinstance(served, Worker) or "shop-greet" in [one.id for one in served[0][1]]


def test_what_functions_log_is_shown(tmp_path: Path, engine: DevServer) -> None:
    (tmp_path / "shop.py").write_text(CLIENT)
    with worker("shop:client", folder=tmp_path, engine=engine) as session:
        session.until("connected to")
        result(engine)
        assert session.until(" INFO inngest: greeting").count("greeting") == 1


def test_options_are_those_of_connect(tmp_path: Path, engine: DevServer) -> None:
    (tmp_path / "shop.py").write_text(CLIENT)
    options = ("--max-concurrency", "3", "--shutdown-timeout", "0.5", "--health-file", "health")
    with worker("shop", *options, folder=tmp_path, engine=engine) as session:
        session.until("connected to")
        assert (tmp_path / "health").exists()
        session.process.terminate()
        session.until("waiting up to 0.5 s")
        assert session.process.wait() == 0
        assert not (tmp_path / "health").exists()


BLOCKED = """
import time, inngest

client = inngest.Inngest(app_id="shop", is_production=False)

@client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="user/came"))
def greet(ctx):
    print("blocked", flush=True)
    time.sleep(600)
"""


def test_a_second_sigterm_ends_it_in_the_middle_of_a_step_that_blocks(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(BLOCKED)
    with (
        DevServer(Options(sink=None), port=0) as engine,
        worker("shop", folder=tmp_path, engine=engine) as session,
    ):
        session.until("connected to")
        run("send", "user/came", "--url", engine.origin)
        session.until("blocked")
        session.process.terminate()
        session.until("shutting down")
        session.process.terminate()
        assert "was given up: the worker is shutting down" in session.rest()
        assert session.process.wait() == 0


def test_a_change_of_the_code_restarts_the_worker(tmp_path: Path, engine: DevServer) -> None:
    (tmp_path / "shop.py").write_text(CLIENT)
    with worker("shop", "--reload", folder=tmp_path, engine=engine) as session:
        session.until("connected to")
        (tmp_path / "shop.py").write_text(CLIENT.replace('"hello"', '"hi"'))
        session.until("the code changed")
        session.until("connected to")
        assert result(engine) == "hi"
        session.process.terminate()
        session.rest()
        assert session.process.wait() == 0


def test_a_worker_that_is_reloaded_outlives_a_mistake_in_the_code(tmp_path: Path, engine: DevServer) -> None:
    (tmp_path / "shop.py").write_text(CLIENT)
    with worker("shop", "--reload", folder=tmp_path, engine=engine) as session:
        session.until("connected to")
        (tmp_path / "shop.py").write_text(f"{CLIENT}\ndef broken(:\n")
        session.until("SyntaxError")
        assert session.process.poll() is None
        (tmp_path / "shop.py").write_text(CLIENT.replace('"hello"', '"mended"'))
        session.until("the code changed")
        session.until("connected to")
        assert result(engine) == "mended"
        session.process.terminate()
        session.rest()
        assert session.process.wait() == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shap", "there is no module 'shap' in "),
        ("shop:ap", "module 'shop' has no 'ap'; did you mean shop:client?"),
        ("shop:number", "shop:number is of type int, expected functions"),
        ("empty", "empty has nothing to serve, expected functions"),
        ("elsewhere:greet", "the client of shop-greet is not in module 'elsewhere'; import it there"),
        ("crash", "importing crash failed: ZeroDivisionError"),
        ("shop.py", "'shop.py' names a file; write a module, as in shop"),
    ],
)
def test_what_cannot_be_served(tmp_path: Path, target: str, said: str) -> None:
    (tmp_path / "shop.py").write_text(f"{CLIENT}\nnumber = 1\n")
    (tmp_path / "elsewhere.py").write_text("from shop import greet")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "crash.py").write_text("1 / 0")
    shown = run("worker", target, folder=tmp_path, code=1, INNGEST_DEV="1")
    assert said in shown.splitlines()[-1]
    assert ("Traceback" in shown) is (target == "crash")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop:worker", "--max-concurrency", "3"], "leave --max-concurrency 3 out and give it to connect()"),
        (["shop", "--max-concurrency", "0"], "'0' is not a number of at least 1"),
        (["shop", "--shutdown-timeout", "soon"], "'soon' is not a number of seconds"),
    ],
)
def test_wrong_options(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "shop.py").write_text(FORMS["shop:worker"])
    assert said in run("worker", *arguments, folder=tmp_path, code=2)
