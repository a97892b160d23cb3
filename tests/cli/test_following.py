"""What goes on while a person works: `inngest logs -f`, `inngest dev --reload`, and a shell that completes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .commands import ROOT, Dev, command, dev, environ, run

pytestmark = pytest.mark.live

NAPS = """
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="naps", is_production=False)

@client.create_function(fn_id="nap", retries=0, trigger=inngest.TriggerEvent(event="nap/wanted"))
def nap(ctx, step):
    step.wait_for_event("a while", event="nap/over", timeout=86_400_000)
    return "woken by OLD"

app = flask.Flask(__name__)
inngest.flask.serve(app, client, [nap])
"""


def test_the_app_is_started_anew_and_what_waits_goes_on_with_the_new_code(tmp_path: Path) -> None:
    code = tmp_path / "naps.py"
    code.write_text(NAPS)
    with dev("naps", "--reload", folder=tmp_path) as session:
        origin = session.origin()
        session.until("ready:")
        event = run("send", "nap/wanted", "--url", origin).split()[2]
        session.until("waits for")
        code.write_text("def broken(:")
        session.until("the app naps cannot be started: ")
        code.write_text(NAPS.replace("OLD", "NEW"))
        session.until("  app  ")
        run("send", "nap/over", "--url", origin)
        session.until("run completed")
        assert 'output  "woken by NEW"' in run("runs", "--event", event, "--url", origin)
        assert "the code changed; the app naps is started anew" in session.seen


SLOW = """
import pathlib, time

print("importing")
while not pathlib.Path("go on").exists():
    time.sleep(0.01)
"""


def test_a_change_that_is_made_while_the_app_is_imported_is_not_missed(tmp_path: Path) -> None:
    code = tmp_path / "naps.py"
    code.write_text(SLOW + NAPS)
    with dev("naps", "--reload", folder=tmp_path) as session:
        session.until("importing")
        code.write_text(NAPS)
        (tmp_path / "go on").touch()
        session.until("the code changed; the app naps is started anew")
        assert "importing" not in session.until("  app  ")


def test_reload_needs_an_app(tmp_path: Path) -> None:
    assert "--reload is about an app that this command runs" in run("dev", "--reload", folder=tmp_path, code=2)


def test_logs_show_events_and_runs_as_they_come(shop: Path) -> None:
    with dev("shop", folder=shop) as session:
        origin = session.origin()
        session.until("ready:")
        event = run("send", "user/came", '{"name": "Ada", "n": 2}', "--url", origin).split()[2]
        session.until("run completed")
        with subprocess.Popen(
            command("logs", "-f", "--url", origin), env=environ(), stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                shown = Dev(process)
                assert f'user/came {event} {{"n": 2, "name": "Ada"}}' in shown.until("event  ")
                shown.until("shop-greet  started")
                assert 'shop-greet  completed  "hello Ada"' in shown.until("completed")
                run("send", "user/fell", "--url", origin)
                shown.until("event  user/fell")
                assert "failed: NonRetriableError: ouch" in shown.until("shop-fail  failed")
                assert shown.seen.count("completed") == 1
            finally:
                process.terminate()
        printed = run("logs", "--function", "fail", "--json", "--url", origin).splitlines()
        assert [json.loads(line)["run"]["status"] for line in printed] == ["RUNNING", "FAILED"]


def test_a_shell_completes_commands_and_options(tmp_path: Path) -> None:
    inngest = tmp_path / "inngest"
    inngest.write_text(f'#!/bin/sh\nexec {sys.executable} -m inngest_cli "$@"\n')
    inngest.chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    more = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def words(line: str) -> set[str]:
        script = (
            f"{run('completion', 'bash')}\nCOMP_LINE={line!r} COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9\n"
            f"COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9\n"
            '_python_argcomplete inngest; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run([bash, "-c", script], env=environ(**more), capture_output=True, text=True, check=True)
        return {word.strip() for word in done.stdout.split("\n") if word.strip()}

    assert words("inngest re") == {"rerun"}
    assert words("inngest runs --st") == {"--status"}
    assert "failed" in words("inngest runs --status ")
    assert "inngest" in run("completion", "zsh")
    assert "inngest" in run("completion", "fish")
    assert "invalid choice: 'tcsh'" in run("completion", "tcsh", code=2)
