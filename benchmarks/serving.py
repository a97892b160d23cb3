"""Serves the app of one framework in a process of its own: `python -m benchmarks.serving flask ""` prints its port.

The second argument is the kind of a bare route to serve instead.

uvicorn and waitress as they come, with one process, as in a first deployment; access logs are off.
"""

from __future__ import annotations

import importlib
import logging
import socket
import sys
import threading
from typing import Any, Protocol, cast

from .apps import make_app, make_bare
from .in_process import WSGI


class _Server(Protocol):
    def run(self) -> None: ...


class _Waitress(Protocol):
    def create_server(self, application: object, *, sockets: list[socket.socket]) -> _Server: ...


def main(framework: str, bare: str) -> None:
    app: Any = make_bare(framework, bare) if bare else make_app(framework)
    # Spelled out, or asyncio does not see TCP in it and leaves Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)
    if framework in WSGI:
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of a queue of one
        waitress = cast("_Waitress", importlib.import_module("waitress"))  # it has no types
        waitress.create_server(app, sockets=[listener]).run()
    else:
        import uvicorn

        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    # The parent holds standard input: when it ends, however it ended, so does this process.
    threading.Thread(target=main, args=(sys.argv[1], sys.argv[2]), daemon=True).start()
    sys.stdin.read()
