"""An app whose process is killed between a step and its save, and steps that raise what ends programs."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.cases.case import HandlerKind

from .framework_apps import Framework
from .world import EVERY_KIND, Kind, new_world

COMMON = """
import os, pathlib, signal, socket, sys
import inngest

folder = pathlib.Path(__file__).parent
origin, listening = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))

class Kill(inngest.MiddlewareSync):
    "Ends the process when step b has run, before its result is saved; once."

    def on_step_complete(self, step, output):
        if step.id == "b" and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)

client = inngest.Inngest(
    app_id="app", is_production=False, api_base_url=origin, event_api_base_url=origin, middleware=[Kill]
)
create = client.create_function(fn_id="chain", trigger=inngest.TriggerEvent(event="app/go"))

def note(name):
    with (folder / "log").open("a") as file:
        file.write(name + "\\n")
    return name
"""
SYNC = """
@create
def chain(ctx):
    return [ctx.step.run(name, note, name) for name in "abc"]
"""
ASYNC = """
@create
async def chain(ctx):
    return [await ctx.step.run(name, note, name) for name in "abc"]
"""
FLASK = """
import flask, inngest.flask, waitress
app = flask.Flask("app")
inngest.flask.serve(app, client, [chain])
waitress.serve(app, sockets=[listening])
"""
DJANGO = """
import django, inngest.django, waitress
from django.conf import settings
from django.core.wsgi import get_wsgi_application
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
urlpatterns = [inngest.django.serve(client, [chain])]
waitress.serve(get_wsgi_application(), sockets=[listening])
"""
STARLETTE = """
import starlette.applications, inngest.starlette, uvicorn
app = starlette.applications.Starlette()
inngest.starlette.serve(app, client, [chain])
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
"""
APPS = {
    "flask": COMMON + SYNC + FLASK,
    "flask, async def": COMMON + ASYNC + FLASK,
    "django": COMMON + SYNC + DJANGO,
    "starlette": COMMON + ASYNC + STARLETTE,
    "starlette, def": COMMON + SYNC + STARLETTE,
}


@contextlib.contextmanager
def process(script: Path, origin: str, listening: socket.socket) -> Generator[subprocess.Popen[bytes]]:
    """Run the app until the end of the block. Who connects meanwhile waits: the socket is the test's."""
    number = listening.fileno()
    command = [sys.executable, str(script), origin, str(number)]
    started = subprocess.Popen(command, pass_fds=[number])
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.mark.parametrize("app", APPS)
def test_a_process_that_is_killed_between_a_step_and_its_save(app: str, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(APPS[app])
    with (
        new_world(Kind(Framework.FLASK, HandlerKind.SYNC)) as world,
        socket.create_server(("127.0.0.1", 0), backlog=16) as listening,
    ):
        origin = world.server.origin
        with process(script, origin, listening) as first:
            world.server.register_and_wait(f"http://127.0.0.1:{listening.getsockname()[1]}/api/inngest", 60)
            sent = world.engine.send("app/go")
            assert first.wait(30) == -signal.SIGKILL
        with process(script, origin, listening):
            (run,) = world.engine.ended(sent)
    assert (run.status, run.output) == ("Completed", ["a", "b", "c"])
    ran = Counter((tmp_path / "log").read_text().split())
    assert ran == {"a": 1, "b": 2, "c": 1}, "what was saved ran once, and what was lost ran again"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", EVERY_KIND, ids=str)
def test_a_step_that_raises_what_ends_programs(kind: Kind, error: type[BaseException]) -> None:
    def stop() -> None:
        raise error("enough")

    with new_world(kind) as world:

        @world.function("app/go", retries=1)
        def stops(ctx: Any, step: Any) -> Any:
            yield step.run("ok", world.did, "ok", 1)
            yield step.run("stop", stop)

        with world.up():
            (run,) = world.engine.ended(world.engine.send("app/go"))
    name, message = run.error
    assert run.status == "Failed"
    if error is SystemExit:
        assert (name, message) == ("SystemExit", "enough")
    elif kind.handlers is HandlerKind.SYNC:
        assert name == "InngestError"
        assert message == 'step "stop" raised KeyboardInterrupt, which is not Ctrl-C in this thread'
    else:  # it ends the loop of the function, or of the server as Ctrl-C does
        assert name
        assert message
