"""Runs `inngest` as a user does: in processes of its own, on free ports."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from inngest_cli import main as cli
from inngest_cli.parser import make_parser

ROOT = Path(__file__).parents[2]

# Its cron fires on a day on which hardly any test runs.
SHOP = """
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="shop", is_production=False)

@client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="user/came", expression="event.data.n > 1"))
def greet(ctx, step):
    return step.run("say", lambda: "hello " + ctx.event.data["name"])

@client.create_function(fn_id="nightly", trigger=inngest.TriggerCron(cron="0 3 29 2 *"))
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
    done = ended(*arguments, folder=folder, stdin=stdin, **more)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def ended(
    *arguments: str, folder: Path | None = None, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is."""
    return subprocess.run(
        command(*arguments), cwd=folder, env=environ(**more), input=stdin, capture_output=True, text=True, check=False
    )


def run_here(*arguments: str, **variables: str) -> tuple[int, str]:
    """Run a command in this process, which is faster; return its exit code and what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = cli.run(make_parser()[0].parse_args(arguments), variables)
    return code, printed.getvalue()


class Dev:
    """A running program, such as `inngest dev`."""

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

    def check_an_event_is_run(self, function: str, event: str, data: str) -> None:
        """Check that the program serves a function which an event starts, and that it leaves nothing behind."""
        origin = self.origin()
        self.until("ready:")
        assert function in self.seen
        run("send", event, data, "--url", origin)
        self.until("run completed")
        self.process.terminate()
        assert "Traceback" not in self.rest()
        assert self.process.wait() == 0
        assert not answers(origin)

    def origin(self) -> str:
        found = re.search(r"http://[\d.]+:\d+", self.until("engine  "))
        assert found is not None
        return found[0]


@contextlib.contextmanager
def running(arguments: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Generator[Dev]:
    """Run a program beside the block, and end it after that."""
    with subprocess.Popen(
        arguments,
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Dev(process)
        finally:
            process.terminate()


def dev(*arguments: str, folder: Path, name: str = "dev", **more: str) -> contextlib.AbstractContextManager[Dev]:
    """Run `inngest dev`, or another command that runs an engine, beside the block."""
    return running(command(name, "--port", "0", *arguments), folder, environ(**more))


def answers(origin: str) -> bool:
    host, _, port = origin.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=60).close()
    except ConnectionError:
        return False
    return True
