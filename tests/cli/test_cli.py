"""The command `inngest` as a user runs it: real processes, free ports."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stage.servers import free_port

from .commands import SHOP, Dev, answers, command, dev, environ, run

pytestmark = pytest.mark.live


def test_version_and_usage() -> None:
    assert run("--version") == "inngest-suite 0.1.0\n"
    assert "COMMAND" in run(code=2)
    for name in ("dev", "send", "runs"):
        assert name in run("--help")
        assert "usage: inngest" in run(name, "--help")


def check_export(folder: Path, run_id: str, origin: str) -> None:
    file = folder / "run.json"
    said = run("runs", run_id, "--export", str(file), "--redact", "na*", "--url", origin)
    assert said == f"exported run {run_id} with 1 step to {file}; 1 value redacted\n"
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["events"][0]["data"] == {"name": "[redacted]", "n": 2}
    assert [(each["name"], each["memo"]) for each in document["steps"]] == [("say", {"data": "hello Ada"})]
    run("runs", run_id, "--export", str(file), "--no-payloads", "--url", origin)
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["steps"][0]["memo"] == {"data": "[redacted]"}
    assert document["events"][0]["data"] == {"name": "[redacted]", "n": 0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_session(shop: Path, number: signal.Signals) -> None:
    with dev("shop", folder=shop) as session:
        origin = session.origin()
        session.until("ready:")
        assert "shop-greet    user/came if event.data.n > 1" in session.seen
        assert "shop-nightly  cron 0 3 29 2 *" in session.seen
        assert f"inngest send user/came '{{}}' --url {origin}" in session.seen

        sent = run("send", "user/came", '{"name": "Ada", "n": 2.0}', "--url", origin)
        event = sent.split()[2]
        assert sent.splitlines()[1] == f"see its runs with: inngest runs --event {event} --url {origin}"
        assert "--url" not in run("send", "user/left", INNGEST_DEV=origin)
        session.until("run completed")
        shown = run("runs", "--event", event, INNGEST_DEV=origin)
        assert "shop-greet  completed in" in shown
        assert "say: done" in shown
        assert 'output  "hello Ada"' in shown
        assert run("runs", shown.split()[0], "--url", origin) == shown
        assert run("runs", "--url", f"{origin}/").startswith(shown.splitlines()[0])

        check_export(shop, shown.split()[0], origin)

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
    port = free_port()
    with dev("-u", f"http://127.0.0.1:{port}/api/inngest", folder=shop) as session:
        origin = session.origin()
        session.until("waiting for an app at")
        app = subprocess.Popen(
            [sys.executable, "-m", "inngest_devserver.hosting.host", "shop", "--port", str(port)],
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
