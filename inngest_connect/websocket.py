"""A WebSocket that hands over each message as it comes, and sends without waiting. Knows no message of Connect.

A task that waits for messages, or for room to send, costs more than the message itself, and a call takes four of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State

WAIT_SECONDS = 0.005
_CORK: int | None = getattr(socket, "TCP_CORK", None)
"""An option of Linux."""
_MOST_AT_ONCE = 64 * 1024
"""Bytes of a message that another thread may send: more than that may have to wait for the other side to read."""
_HOLD_DATA = frozenset({Opcode.BINARY, Opcode.TEXT, Opcode.CONT})


class WebSocket(ClientConnection):
    """The client's side of a connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._on_message: Callable[[bytes | str], object] | None = None
        self._is_holding_back = False
        self._unread = 0
        """Messages that have come, and that nobody has received."""
        self._parts: list[bytes] = []
        self._opcode = Opcode.BINARY
        """Of the message whose parts are coming."""
        self._sending = threading.RLock()
        """Held while bytes go to the socket, as another thread may do that, too."""
        self._rest = b""
        """What the system did not take of what another thread has sent."""
        self._is_lost = False
        self.drained_at = 0.0
        """When the other side last caught up with what is sent to it, on the loop's clock."""

    async def receive(self) -> bytes | str:
        """Return the next message, before `listen`; raises ConnectionClosed."""
        message = await self.recv()
        self._unread -= 1
        return message

    async def listen(self, on_message: Callable[[bytes | str], object]) -> None:
        """Call *on_message* with each message from now on, until the connection is closed; raises ConnectionClosed.

        A message that the other side sent in pieces comes as one. *on_message* must not raise.
        """
        while self._unread:
            on_message(await self.receive())
        self._on_message = on_message
        await self.recv()  # raises when the connection is closed, and gets no message

    def push(self, message: bytes, *, may_wait: bool = False) -> bool:
        """Send a binary message; return False when the connection is closed.

        What the other side does not read is kept in memory: ask `is_behind` before much is sent.
        may_wait: it may go out with the next message, but no later than after WAIT_SECONDS. A packet costs more than
        what is in it, as it wakes the other side. The system holds it back, for a fifth of a second at most: it goes
        out even when a function keeps the threads of Python from running.
        """
        with self._sending:
            if not self.is_open:
                return False
            if may_wait:
                self._hold_back()
            self.protocol.send_binary(message)
            self.send_data()
            if self._is_holding_back and not may_wait:
                self._let_go()
            return True

    def push_from_another_thread(self, message: bytes) -> bool:
        """Send a binary message in the thread that calls this, without waking that of the connection.

        Returns False when it has to go by `push`: something else is on its way, it is long, or goes through TLS.
        """
        if len(message) > _MOST_AT_ONCE or not self._sending.acquire(blocking=False):
            return False
        try:
            if not self._may_write_past_the_loop():
                return False
            # Not by the library's protocol object, which belongs to the other thread and may be at work there.
            data = Frame(Opcode.BINARY, message).serialize(mask=True)
            try:
                sent = os.write(self.transport.get_extra_info("socket").fileno(), data)
            except OSError:  # nothing was sent: the system has no room, or the connection broke
                return False
            if sent < len(data):
                self._rest = data[sent:]
                self.loop.call_soon_threadsafe(self.send_data)
            self._let_go()
            return True
        finally:
            self._sending.release()

    def _may_write_past_the_loop(self) -> bool:
        return (
            self.is_open
            and not self._is_lost
            and not self._rest
            and not self.transport.get_write_buffer_size()
            and self.transport.get_extra_info("sslcontext") is None
        )

    def _hold_back(self) -> None:
        if _CORK is None or self._is_holding_back:
            return
        self._is_holding_back = True
        self._set_cork(1)
        self.loop.call_later(WAIT_SECONDS, self._let_go)

    def _let_go(self) -> None:
        with self._sending:
            if self._is_holding_back:
                self._is_holding_back = False
                self._set_cork(0)

    def _set_cork(self, value: int) -> None:
        if _CORK is not None:
            with contextlib.suppress(OSError):  # it is no TCP, or closed
                self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, _CORK, value)

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent."""
        return self.protocol.state is State.OPEN and not self.transport.is_closing()

    @property
    def is_behind(self) -> bool:
        """Whether the other side does not keep up with reading what is sent."""
        return self.paused

    # What the library calls

    def send_data(self) -> None:
        with self._sending:
            rest, self._rest = self._rest, b""
            if rest and not self.transport.is_closing():
                self.transport.write(rest)
            super().send_data()

    def connection_lost(self, exc: Exception | None) -> None:
        with self._sending:  # the number of the socket is somebody else's from here on
            self._is_lost = True
        super().connection_lost(exc)

    def process_event(self, event: Event) -> None:
        if self.response is None or not isinstance(event, Frame) or event.opcode not in _HOLD_DATA:
            super().process_event(event)
            return
        if event.opcode is not Opcode.CONT:
            self._opcode = event.opcode
        self._parts.append(bytes(event.data))
        if event.fin:
            data = b"".join(self._parts)
            self._parts.clear()
            self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        if self._on_message is None:
            self._unread += 1
            super().process_event(Frame(self._opcode, data))
            return
        self._on_message(data.decode(errors="replace") if self._opcode is Opcode.TEXT else data)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.drained_at = asyncio.get_running_loop().time()
