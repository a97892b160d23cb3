"""The servers that are tested, each with an app that it fits. docs/servers.md says the same in words."""

from __future__ import annotations

from collections.abc import Sequence

from .process import SETTINGS, Server

APPS = "tests.servers.apps"
_UVICORN = ("-m", "uvicorn", "--fd={fd}", "--no-access-log")
_GUNICORN = ("-m", "gunicorn", "--bind=fd://{fd}", "--no-control-socket")
_GRANIAN = ("-m", "granian", "--host=127.0.0.1", "--port={port}", "--no-ws")
_SHUTTING_DOWN = "Shutting down"
_TERM = "Handling signal: term"
_SERVING = r"Serving on http://127\.0\.0\.1:(\d+)"
_LISTENING = r"Listening at: http"

SERVERS: Sequence[Server] = (
    Server(
        "uvicorn",
        (*_UVICORN, "--loop=asyncio", "--http=h11", f"{APPS}.served_fastapi:app"),
        "fast_api",
        ending=_SHUTTING_DOWN,
    ),
    Server(
        "uvicorn-uvloop",
        (*_UVICORN, "--loop=uvloop", "--http=httptools", f"{APPS}.served_asgi:app"),
        "asgi",
        ending=_SHUTTING_DOWN,
    ),
    Server(
        "uvicorn-django",
        (*_UVICORN, "--loop=asyncio", "--lifespan=off", f"{APPS}.served_django:asgi"),
        "django",
        cancels=True,
        tells="a POST was given up before it was answered",
        ending=_SHUTTING_DOWN,
    ),
    Server(
        "hypercorn",
        # By itself it waits for three seconds, in which a busy machine may do nothing of this.
        ("-m", "hypercorn", "--bind=fd://{fd}", "--graceful-timeout=60", f"{APPS}.served_starlette:app"),
        "starlette",
    ),
    Server(
        "granian-asgi",
        (*_GRANIAN, "--interface=asgi", "--loop=asyncio", f"{APPS}.served_starlette:app"),
        "starlette",
        ready=_LISTENING,
        ending=_SHUTTING_DOWN,
    ),
    Server(
        "granian-wsgi",
        (*_GRANIAN, "--interface=wsgi", f"{APPS}.served_flask:app"),
        "flask",
        tells=None,
        ready=_LISTENING,
        ending=_SHUTTING_DOWN,
    ),
    Server("gunicorn-sync", (*_GUNICORN, f"{APPS}.served_flask:app"), "flask", at_once=False, ending=_TERM),
    Server(
        "gunicorn-gthread",
        (*_GUNICORN, "--worker-class=gthread", "--threads=8", f"{APPS}.served_django:wsgi"),
        "django",
        ending=_TERM,
    ),
    Server(
        "gunicorn-uvicorn",
        (*_GUNICORN, "--worker-class=uvicorn_worker.UvicornWorker", f"{APPS}.served_fastapi:app"),
        "fast_api",
        ending=_TERM,
    ),
    Server("gunicorn-gevent", (*_GUNICORN, "--worker-class=gevent", f"{APPS}.served_flask:app"), "flask", ending=_TERM),
    Server(
        "waitress",
        ("-m", "waitress", "--listen=127.0.0.1:0", "--threads=8", f"{APPS}.served_wsgi:app"),
        "wsgi",
        ready=_SERVING,
        finishes=False,
        tells=None,
    ),
    Server(
        "waitress-signal", ("-m", f"{APPS}.served_by_waitress"), "wsgi", ready=_SERVING, ending="ending", tells=None
    ),
    Server(
        "runserver",
        ("-m", "django", "runserver", "--noreload", f"--settings={SETTINGS}", "127.0.0.1:{port}"),
        "django",
        ready="Starting development server at",
        finishes=False,
        tells=None,
        chunked=False,
    ),
    Server("tornado", ("-m", f"{APPS}.served_tornado", "{fd}"), "tornado", ending="ending"),
)
_PRELOADED = (*_GUNICORN, "--preload", f"{APPS}.served_preloaded:app")
PRELOADED: Sequence[Server] = (
    Server("preload-sync", (*_PRELOADED, "--workers=3"), "flask", at_once=False),
    Server("preload-gthread", (*_PRELOADED, "--workers=2", "--worker-class=gthread", "--threads=4"), "flask"),
    Server("preload-gevent", (*_PRELOADED, "--workers=2", "--worker-class=gevent"), "flask"),
    Server(
        "preload-gevent-first",
        (*_PRELOADED, "--workers=2", "--worker-class=gevent", f"--config=python:{APPS}.gevent_first"),
        "flask",
    ),
)
