"""`inngest cancel` and `inngest rerun` with many runs: which are chosen, the question, and what is printed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .commands import Dev, command, dev, environ, run

pytestmark = pytest.mark.live

APP = """
import datetime
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="shop", is_production=False)

@client.create_function(fn_id="fail", trigger=inngest.TriggerEvent(event="fail"))
def fail(ctx, step):
    raise inngest.NonRetriableError("ouch")

@client.create_function(fn_id="stumble", trigger=inngest.TriggerEvent(event="stumble"))
def stumble(ctx, step):
    raise inngest.NonRetriableError("oops")

@client.create_function(fn_id="nap", trigger=inngest.TriggerEvent(event="nap"))
def nap(ctx, step):
    step.sleep("long", datetime.timedelta(days=1))

app = flask.Flask(__name__)
inngest.flask.serve(app, client, [fail, stumble, nap])
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dev, str]]:
    folder = tmp_path_factory.mktemp("many")
    (folder / "shop.py").write_text(APP)
    with dev("shop", folder=folder) as session:
        origin = session.origin()
        session.until("ready:")
        yield session, origin


def send(engine: tuple[Dev, str], name: str, count: int, until: str) -> None:
    session, origin = engine
    for _ in range(count):
        run("send", name, "--url", origin)
        session.until(until)


def answering(answer: str, *arguments: str) -> tuple[int, str]:
    """Run a command at a terminal, and answer its question; return its exit code and all that it shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command(*arguments), env=environ(), stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not read:
                break
            seen += read
        code = process.wait()
    os.close(ours)
    return code, seen.decode()


def test_failed_runs_are_done_again_after_a_question(engine: tuple[Dev, str]) -> None:
    _, origin = engine
    send(engine, "fail", 2, "run failed")
    where = ("--url", origin)
    chosen = ("--function", "fail", "--status", "failed")  # other tests of this file may have come before
    code, shown = answering("n", "rerun", *chosen, "--since", "1h", *where)
    assert code == 1
    assert "shop-fail  failed" in shown
    assert "do again 2 runs?" in shown
    assert "nothing was done" in shown
    code, shown = answering("y", "rerun", *chosen, "--since", "1h", *where)
    assert (code, "2 runs done again" in shown) == (0, True), shown
    engine[0].until("run failed")
    engine[0].until("run failed")
    done = json.loads(run("rerun", *chosen, "--limit", "1", "--yes", "--json", *where))
    assert len(done) == 1
    assert set(done[0]) == {"runId", "newRunId"}
    engine[0].until("run failed")


def test_waiting_runs_of_a_function_are_cancelled(engine: tuple[Dev, str]) -> None:
    _, origin = engine
    send(engine, "nap", 3, "sleeps for")
    shown = run("cancel", "--function", "nap", "--status", "waiting", "--yes", "--url", origin)
    assert shown.count("cancelled 0") == 3
    assert "3 runs cancelled" in shown
    assert "0 runs cancelled" in run("cancel", "--function", "nap", "--yes", "--url", origin)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cancel",), "which runs? Give RUN_ID, or choose with"),
        (("rerun", "--limit", "3"), "which runs? Give RUN_ID"),
        (("cancel", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--status", "running"), "--status choose runs; leave RUN_ID out"),
        (("rerun", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--yes"), "--yes is about many runs"),
        (("rerun", "--status", "failed", "--from-step", "a"), "--from-step are about one run"),
        (("rerun", "--status", "failed", "--limit", "2000", "--yes"), "--limit 2000 is too much"),
    ],
)
def test_options_that_do_not_go_together(engine: tuple[Dev, str], arguments: tuple[str, ...], said: str) -> None:
    assert said in run(*arguments, "--url", engine[1], code=2)


def test_nobody_is_asked_where_nobody_is(engine: tuple[Dev, str], tmp_path: Path) -> None:
    send(engine, "stumble", 1, "run failed")
    said = run("rerun", "--status", "failed", "--url", engine[1], code=2, folder=tmp_path)
    assert "add --yes" in said
