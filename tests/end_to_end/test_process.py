"""`inngest dev`, `inngest send` and `inngest runs` as processes, ended at odd moments; what --persist keeps."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import SHOP as FLASK_SHOP
from tests.cli.commands import Dev, answers, dev, run
from tests.stage.effects import News

from .engine_client import EngineClient, Seen
from .test_apps import until_written

SHOP = """
import os, pathlib, time
import fastapi, inngest, inngest.fast_api

client = inngest.Inngest(app_id="shop", is_production=False)
log = pathlib.Path("log")

def note(line):
    with log.open("a") as file:
        file.write(line + "\\n")
    return line

def slow(name):
    note(name)
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return name

@client.create_function(fn_id="order", trigger=inngest.TriggerEvent(event="shop/order"))
async def order(ctx: inngest.Context) -> dict:
    n = ctx.event.data["n"]
    one = await ctx.step.run("one", note, f"one {n}")
    paid = await ctx.step.wait_for_event(
        "paid", event="shop/paid", if_exp="event.data.n == async.data.n", timeout=10**8
    )
    two, three = await ctx.group.parallel((
        lambda: ctx.step.run("two", note, f"two {n}"),
        lambda: ctx.step.run("three", note, f"three {n}"),
    ))
    return {"steps": [one, two, three], "paid": paid.data["n"]}

@client.create_function(fn_id="nap", trigger=inngest.TriggerEvent(event="shop/nap"))
def nap(ctx: inngest.ContextSync) -> str:
    ctx.step.run("before", note, "before nap")
    ctx.step.sleep("nap", 2000)
    return ctx.step.run("after", note, "after nap")

@client.create_function(fn_id="slow", trigger=inngest.TriggerEvent(event="shop/slow"), retries=0)
def slowly(ctx: inngest.ContextSync) -> str:
    ctx.step.run("first", note, "first")
    return ctx.step.run("slow", slow, "slow")

@client.create_function(fn_id="call", trigger=inngest.TriggerEvent(event="shop/call"))
def call(ctx: inngest.ContextSync) -> str:
    return ctx.step.invoke("order", function=order, data={"n": 99})["steps"][0]

app = fastapi.FastAPI()
inngest.fast_api.serve(app, client, [order, nap, slowly, call])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "shop.py").write_text(SHOP)
    yield tmp_path
    (tmp_path / "go").touch()


class Session:
    """A running `inngest dev` with the shop, and its API."""

    def __init__(self, it: Dev) -> None:
        self.dev = it
        self.origin = it.origin()
        it.until("ready:")
        self.engine = EngineClient(self.origin, News())

    def ended(self, event_id: str) -> Seen:
        """Read the terminal up to the end of the event's run."""
        while (found := self.engine.runs(event_id)[0]).status == "Running":
            self.dev.until(" run ")
        return found

    def close(self) -> None:
        self.engine.__exit__()


def persisted(*more: str) -> tuple[str, ...]:
    return ("shop", "--persist", "kept.db", "--retry-interval", "0.01", *more)


def written(folder: Path, text: str) -> None:
    until_written(News(), folder / "log", text)


def test_a_user_sends_and_looks(folder: Path) -> None:
    with dev("shop", folder=folder) as it:
        session = Session(it)
        sent = run("send", "shop/order", '{"n": 1, "who": "世界"}', "--url", session.origin).split()[2]
        it.until("waits for")
        shown = run("runs", "--event", sent, "--url", session.origin)
        assert "running" in shown
        assert 'waits   step "paid" waits for the event shop/paid until ' in shown
        run("send", "shop/paid", '{"n": 1}', "--url", session.origin)
        assert session.ended(sent).output == {"steps": ["one 1", "two 1", "three 1"], "paid": 1}
        shown = run("runs", "--event", sent, "--url", session.origin)
        session.close()
    assert re.search(r"^01\w{24}  shop-order  completed in ", shown)
    output = next(line for line in shown.splitlines() if line.startswith("  output  "))
    assert json.loads(output.removeprefix("  output  "))["paid"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_kept_goes_on_after_a_restart(folder: Path, number: signal.Signals) -> None:
    with dev(*persisted(), folder=folder) as it:
        session = Session(it)
        order = session.engine.send("shop/order", {"n": 1})
        call = session.engine.send("shop/call")
        for _ in range(2):
            it.until("waits for")
        nap = session.engine.send("shop/nap")  # at last, for it is not to wake up before the end
        it.until("sleeps for")
        it.process.send_signal(number)
        session.close()
        it.rest()
    with dev(*persisted(), folder=folder) as it:
        session = Session(it)
        session.engine.send("shop/paid", {"n": 1})
        session.engine.send("shop/paid", {"n": 99})
        assert session.ended(order).output == {"steps": ["one 1", "two 1", "three 1"], "paid": 1}
        assert session.ended(call).output == "one 99"
        assert session.ended(nap).output == "after nap"
        session.close()
    lines = (folder / "log").read_text().splitlines()
    assert sorted(lines) == sorted(set(lines)), "a step ran twice"
    assert len(lines) == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_engine_that_ends_during_a_step_calls_for_it_again(folder: Path, number: signal.Signals) -> None:
    """It cannot know how the step went. It is not an attempt: this function has only one."""
    with dev(*persisted(), folder=folder) as it:
        session = Session(it)
        slow = session.engine.send("shop/slow")
        written(folder, "first\nslow\n")
        session.close()
        it.process.send_signal(number)
        assert "Traceback" not in it.rest()
    (folder / "go").touch()
    with dev(*persisted(), folder=folder) as it:
        session = Session(it)
        found = session.ended(slow)
        session.close()
    assert (found.status, found.output) == ("Completed", "slow")
    assert (folder / "log").read_text().splitlines() == ["first", "slow", "slow"]


def test_events_that_were_acknowledged_are_not_lost_when_the_engine_is_killed(folder: Path) -> None:
    with dev(*persisted("--quiet"), folder=folder) as it:
        session = Session(it)
        events = [{"name": "shop/order", "data": {"n": n}} for n in range(100)]
        ids = session.engine.post_events(events)
        it.process.kill()
        it.rest()
        session.close()
    with dev(*persisted(), folder=folder) as it:
        session = Session(it)
        session.engine.post_events([{"name": "shop/paid", "data": {"n": 0}}])
        assert [len(session.engine.runs(each)) for each in ids] == [1] * 100
        session.close()


def test_without_persist_nothing_is_kept(folder: Path) -> None:
    for expected in (1, 1):
        with dev("shop", folder=folder) as it:
            session = Session(it)
            session.ended(session.engine.send("shop/nap"))
            assert len(session.engine.latest()) == expected
            session.close()


def test_ctrl_c_twice_and_during_the_start(folder: Path) -> None:
    (folder / "shop.py").write_text("import time, pathlib\npathlib.Path('log').write_text('x')\ntime.sleep(600)")
    with dev("shop", folder=folder) as it:
        origin = it.origin()
        written(folder, "x")
        it.process.send_signal(signal.SIGINT)
        it.process.send_signal(signal.SIGINT)
        assert "Traceback" not in it.rest()
        assert it.process.wait() == 0
    assert not answers(origin)


def test_ctrl_c_twice_while_a_step_runs(folder: Path) -> None:
    with dev("shop", folder=folder) as it:
        session = Session(it)
        session.engine.send("shop/slow")
        written(folder, "first\nslow\n")
        session.close()
        it.process.send_signal(signal.SIGINT)
        it.process.send_signal(signal.SIGINT)
        assert "Traceback" not in it.rest()
        assert it.process.wait() == 0
    assert not answers(session.origin)


def test_ctrl_c_again_and_again_until_it_has_ended(folder: Path) -> None:
    with dev("shop", folder=folder) as it:
        Session(it).close()
        while it.process.poll() is None:
            it.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                it.process.wait(0.005)
        assert "Traceback" not in it.rest()
        assert it.process.returncode == 0


def test_an_app_that_is_told_to_end_while_it_ends(folder: Path) -> None:
    """As each one is: by a signal, and by the end of its connection to the engine, which may be noticed later."""
    again = "import atexit, os, signal\natexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
    (folder / "shop.py").write_text(again + FLASK_SHOP)
    with dev("shop", folder=folder) as it:
        Session(it).close()
        it.process.send_signal(signal.SIGINT)
        assert "Traceback" not in it.rest()
        assert it.process.wait() == 0


def test_clients_that_stay_connected_do_not_hold_up_the_end(folder: Path) -> None:
    with dev("shop", folder=folder) as it:
        session = Session(it)
        session.engine.latest()
        with httpx.Client(base_url=session.origin, trust_env=False, timeout=60) as other:
            other.get("/health")
            it.process.send_signal(signal.SIGINT)
            assert "Traceback" not in it.rest()
            assert it.process.wait() == 0
        session.close()


ODD: list[tuple[list[str], int, str]] = [
    ([], 2, "required"),
    (["fly"], 2, "invalid choice"),
    (["dev", "shop", "--watch"], 2, "unrecognized"),
    (["dev", "--port", "99999"], 2, "is not a port"),
    (["dev", "--port", "-1"], 2, "is not a port"),
    (["dev", "shop:nothing", "--port", "0"], 1, "has no 'nothing'"),
    (["dev", "", "--port", "0"], 1, "import string"),
    (["dev", ":app", "--port", "0"], 1, "import string"),
    (["dev", "shop", "--path", "/nowhere", "--port", "0"], 1, "/nowhere"),
    (["dev", "--retry-interval", "-1"], 2, "seconds"),
    (["dev", "--retry-interval", "nan"], 2, "seconds"),
    (["dev", "--host", "no.such.host.invalid", "--port", "0"], 1, "no.such.host.invalid"),
]

ODD_REQUESTS: list[tuple[list[str], int, str]] = [
    (["send"], 2, "NAME"),
    (["send", ""], 1, "name"),
    (["send", "a", "1"], 2, "object"),
    (["runs", "--event", ""], 1, "inngest: "),
    (["runs", "--url", "ftp://x"], 2, "is not a URL"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), ODD)
def test_odd_usage_is_explained_in_one_line(folder: Path, arguments: list[str], code: int, said: str) -> None:
    shown = run(*arguments, folder=folder, code=code)
    assert said in shown
    assert "Traceback" not in shown


def test_odd_requests_are_explained_in_one_line(folder: Path) -> None:
    with dev(folder=folder) as it:
        where = ["--url", it.origin()]
        for arguments, code, said in ODD_REQUESTS:
            shown = run(*arguments, *([] if "--url" in arguments else where), folder=folder, code=code)
            assert said in shown
            assert "Traceback" not in shown
