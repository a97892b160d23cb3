"""Closes connections whose client does not send a whole request in time, or heads that never end. The server behind it
does the former only between two requests, and the latter not at all.

Wraps the server's own protocol, and reads two things of it: its transport, and the request that it took last.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

REQUEST_SECONDS = 30.0
"""How long a client may take for a request without its body, since it connected or began the next one."""
_BODY_FACTOR = 4
"""How much longer it may take for all of it."""
_LARGEST_HEAD = 64 * 1024
"""Bytes of a request without its body; about that, for what comes in one piece is not cut."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class _Cycle(Protocol):
    """A request on its way. more_body: it is not complete yet."""

    more_body: bool
    response_complete: bool


def closing_half_open(server_protocol: type[asyncio.Protocol], seconds: float) -> type[asyncio.Protocol]:
    """Return the protocol class of a server with a limit of *seconds* for the head of a request, four times that for it
    all."""
    return type("Timed", (_Timed, server_protocol), {"head_seconds": seconds})


class _Timed(asyncio.Protocol):
    """Methods that come before those of the server's class."""

    cycle: _Cycle | None
    """The request that the server took last."""
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    """The attributes up to here are the server's own."""

    head_seconds: float
    _timer: asyncio.TimerHandle | None = None
    _after: _Cycle | None = None
    """The request that was the last one when the timer began."""
    _head = 0
    """Bytes of the head that is coming in."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._begin(None)

    def data_received(self, data: bytes) -> None:
        last = self.cycle
        begins = last is None or last.response_complete
        if begins and (self._timer is None or self._after is not last):
            self._begin(last)
        is_of_head = last is None or not last.more_body
        super().data_received(data)
        self._head = self._head + len(data) if is_of_head and self.cycle is last else 0
        if self._head > _LARGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def _begin(self, last: _Cycle | None) -> None:
        self._end()
        self._after = last
        self._timer = self.loop.call_later(self.head_seconds, self._look, False)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, was_patient: bool) -> None:
        self._timer = None
        current = self.cycle
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # the latter: a WebSocket
            return
        if current is self._after:
            self.transport.close()
        elif current is not None and current.more_body and not current.response_complete:
            if was_patient:
                self.transport.close()
            else:
                self._timer = self.loop.call_later(self.head_seconds * (_BODY_FACTOR - 1), self._look, True)
