"""The child's end of the connection to the engine that hosts its app: reports, and lines of output. Decides nothing."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from typing import NamedTuple

from .app_servers import end_at_last
from .endpoints import LOOPBACK

MOST_WAITING = 5_000
"""Lines on their way; of more than these, the oldest are dropped: the app must not wait for who listens."""
_AT_ONCE = 100


class Line(NamedTuple):
    """A line that an app wrote. at: Unix seconds. stream: "stdout" or "stderr". run: in which it wrote it, or empty."""

    at: float
    stream: str
    run: str
    text: str


class Channel:
    """Without a parent it prints reports, and drops lines."""

    def __init__(self, address: str) -> None:
        """Connect to *address*, "port:token"; empty when started by hand."""
        self._socket: socket.socket | None = None
        self._sending = threading.Lock()
        self._lines: collections.deque[Line] = collections.deque(maxlen=MOST_WAITING)
        self._news = threading.Event()
        if address:
            port, token = address.split(":")
            self._socket = socket.create_connection((LOOPBACK, int(port)))
            self._socket.sendall(f"{token}\n".encode())
            threading.Thread(target=self._watch, args=(self._socket,), daemon=True).start()
            threading.Thread(target=self._send_lines, daemon=True).start()

    @property
    def has_parent(self) -> bool:
        return self._socket is not None

    def report(self, **values: object) -> None:
        if self._socket is None:
            sys.stderr.write(f"{json.dumps(values)}\n")
            return
        self._send(values)

    def tell(self, line: Line) -> None:
        """Tell the parent a line soon; never waits."""
        self._lines.append(line)
        self._news.set()

    def _send_lines(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            while self._lines:
                some: list[Line] = []
                with contextlib.suppress(IndexError):  # others append to it, and drop the oldest
                    while len(some) < _AT_ONCE:
                        some.append(self._lines.popleft())
                self._send({"output": some})

    def _send(self, values: object) -> None:
        if self._socket is not None:
            # Without a parent there is nobody to tell.
            with self._sending, contextlib.suppress(OSError):
                self._socket.sendall(f"{json.dumps(values)}\n".encode())

    def _watch(self, parent: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while parent.recv(1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)
        end_at_last()
