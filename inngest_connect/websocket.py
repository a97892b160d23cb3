"""A WebSocket that hands over each message as it comes, and sends without waiting. Knows no message of Connect.

A task that waits for messages, or for room to send, costs more than the message itself, and a call takes four of them.
So does a change of threads. Therefore two loops read: that of user code, which can begin a function at once, and that
of the connection, which looks now and then and reads what the other one has left unread because a function blocks it.
Whoever reads holds a lock. What is not a whole binary message ends that: from there on, the library reads, on the loop
of the connection alone. So it is with TLS, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State

from inngest_core.protocol.limits import MAX_REQUEST_BYTES

from .frames import Splitter, binary_frame

_FEW_BYTES, _MANY_BYTES = 64 * 1024, 256 * 1024
"""Read at a time: many where few were not enough, as memory for many takes longer to come by than a message to read."""
_END_OF_HEAD = b"\r\n\r\n"
_SOCKETS_ARE_FILES = os.name == "posix"
"""Elsewhere the number of a socket may be that of some file."""
_MORE: int = getattr(socket, "MSG_MORE", 0)
"""An option of Linux: the system keeps what is sent for what comes next, for a fifth of a second at most."""
_HOLD_DATA = frozenset({Opcode.BINARY, Opcode.TEXT, Opcode.CONT})

OnMessage = Callable[[bytes | str], object]


class WebSocket(ClientConnection):
    """The client's side of a connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._thread_id = threading.get_ident()
        self._on_message: OnMessage | None = None
        self._unread = 0
        """Messages that have come, and that nobody has received."""
        self._parts: list[bytes] = []
        self._opcode = Opcode.BINARY
        """Of the message whose parts are coming."""
        self._head_end = b""
        """The last bytes of the handshake that have come."""
        self._receiving = threading.Lock()
        """Held while messages are handed over."""
        self._splitter = Splitter(masked=False, most=MAX_REQUEST_BYTES)
        self._is_shared = False
        """Whether the other loop reads, too."""
        self._other_loop: asyncio.AbstractEventLoop | None = None
        self._read_bytes = _FEW_BYTES
        self._reads = self._reads_seen = 0
        """How often the other loop has read, now and when this one looked."""
        self._sending = threading.RLock()
        """Held while bytes go to the socket, as any thread may do that."""
        self._socket: socket.socket | None = None
        """The socket itself, past the loop's transport, where that is possible."""
        self._held = b""
        """Messages that go out when all that has come at once is handed over."""
        self._rest = b""
        """What the system did not take of what was sent past the transport."""
        self._queued = 0
        """How often the transport was given data in this turn of the loop: uvloop's keeps it, untold, until the end."""
        self._is_held_back = False
        """Whether the system waits for more before it sends what it has."""
        self._is_lost = False
        self.drained_at = 0.0
        """When the other side last caught up with what is sent to it, in seconds of a clock that never jumps."""

    async def receive(self) -> bytes | str:
        """Return the next message, before `listen`; raises ConnectionClosed."""
        message = await self.recv()
        self._unread -= 1
        return message

    async def listen(self, on_message: OnMessage, other_loop: asyncio.AbstractEventLoop) -> None:
        """Call *on_message* with each message from now on, until the connection is closed; raises ConnectionClosed.

        It is called in the thread of this loop or of the other one, but never in both at once, and must not raise.
        A message that the other side sent in pieces comes as one.
        """
        while self._unread:
            on_message(await self.receive())
        self._on_message = on_message
        self._share_with(other_loop)
        await self.recv()  # raises when the connection is closed, and gets no message

    # Sending

    def push(self, message: bytes, *, may_wait: bool = False) -> bool:
        """Send a binary message, from any thread; return False when the connection is closed.

        What the other side does not read is kept in memory: ask `is_behind` before much is sent.
        may_wait: only while a message is handed over: it may go out with the next one that is sent, but no later than
        at the next `look`; the system waits for a fifth of a second. A packet costs more than what is in it, as it
        wakes the other side.
        """
        frame = binary_frame(message, masked=True)
        with self._sending:
            if not self.is_open:
                return False
            if not may_wait:
                held, self._held = self._held, b""
                self._is_held_back = False
                self._write(held + frame, 0)
                return True
            self._held += frame
            # The other loop sends it with others, before it begins what they acknowledge. Here, that may begin at once.
            if threading.get_ident() == self._thread_id:
                self._send_held()
            return True

    def _write(self, data: bytes, flags: int) -> None:
        # Not by the library's protocol object, which belongs to one thread and may be at work there.
        if self._socket is not None and self._may_write_past_the_transport():
            try:  # noqa: SIM105 - `suppress` is three calls for each frame
                data = data[self._socket.send(data, flags) :]
            except OSError:  # nothing was sent: the system has no room, or the connection broke
                pass
        if not data:
            return
        self._rest += data
        if threading.get_ident() == self._thread_id:
            self.send_data()
        else:
            _tell(self.loop, self.send_data)

    def _may_write_past_the_transport(self) -> bool:
        is_waiting = self._rest or self._queued or self.transport.get_write_buffer_size()
        return not self._is_lost and not is_waiting

    def _send_held(self) -> None:
        """Give to the system what was held, which may go on holding it."""
        with self._sending:
            if not self._held:
                return
            held, self._held = self._held, b""
            self._write(held, _MORE)
            self._is_held_back = True

    def _let_go(self) -> None:
        with self._sending:
            if self._is_held_back and self._socket is not None:
                self._is_held_back = False
                with contextlib.suppress(OSError):  # it is no TCP, or closed
                    self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent."""
        return self.protocol.state is State.OPEN and not self.transport.is_closing()

    @property
    def is_behind(self) -> bool:
        """Whether the other side does not keep up with reading what is sent."""
        return self.paused

    # Reading

    def _share_with(self, other_loop: asyncio.AbstractEventLoop) -> None:
        """Have another loop read, too."""
        is_plain = _SOCKETS_ARE_FILES and self.transport.get_extra_info("sslcontext") is None
        if not is_plain or self._splitter.has_ended or not self.is_open:
            return
        try:
            self._socket = socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno()))
        except OSError:  # too many files are open
            return
        self._socket.setblocking(False)
        self._is_shared, self._other_loop = True, other_loop
        self.transport.pause_reading()
        if not _tell(other_loop, self._begin_there, other_loop, self._socket):
            self._read_alone()

    def look(self) -> None:
        """Read what the other loop has left unread since the last look, as a function blocks it; hold nothing back."""
        self._let_go()
        reads, self._reads_seen = self._reads_seen, self._reads
        if reads == self._reads:
            self._read()

    def _read(self) -> None:
        """Read what has come, if that is shared."""
        if not self._receiving.acquire(blocking=False):  # the other thread reads
            return
        try:
            shared = self._socket
            if not self._is_shared or shared is None:
                return
            try:
                data = shared.recv(self._read_bytes)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            self._read_bytes = _FEW_BYTES if len(data) < self._read_bytes else _MANY_BYTES
            self._hand_over_each(data)
            self._send_held()
            if not data or self._splitter.has_ended:
                self._is_shared = False
                _tell(self.loop, self._read_alone)
        finally:
            self._receiving.release()

    def _hand_over_each(self, data: bytes) -> None:
        for message in self._splitter.feed(data):
            self._hand_over(message)

    def _read_alone(self) -> None:
        """Have only the loop's transport read from now on, which knows what to do at the end of a connection."""
        with self._receiving:
            self._is_shared = False
            rest = self._splitter.take_rest()
            if rest:
                super().data_received(rest)
        if not self.transport.is_closing():
            self.transport.resume_reading()

    async def hang_up(self) -> None:
        """Close the connection."""
        if self._is_shared:
            self._read_alone()
        await self.close()

    # On the other loop

    def _begin_there(self, loop: asyncio.AbstractEventLoop, shared: socket.socket) -> None:
        if not self._is_shared:  # that has ended meanwhile
            return
        try:
            loop.add_reader(shared.fileno(), self._read_there, loop, shared)
        except NotImplementedError:  # not every loop can
            _tell(self.loop, self._read_alone)

    def _read_there(self, loop: asyncio.AbstractEventLoop, shared: socket.socket) -> None:
        self._reads += 1
        self._read()
        if not self._is_shared:
            loop.remove_reader(shared.fileno())

    # What the library calls

    def data_received(self, data: bytes) -> None:
        if self.response is None:
            data = self._shake_hands(data)
        with self._receiving:
            if not self._splitter.has_ended:
                self._hand_over_each(data)
                data = self._splitter.take_rest()
            if data:
                super().data_received(data)

    def _shake_hands(self, data: bytes) -> bytes:
        """Give the library what belongs to the handshake, and return the rest."""
        before = len(self._head_end)
        seen = self._head_end + data
        self._head_end = seen[1 - len(_END_OF_HEAD) :]
        found = seen.find(_END_OF_HEAD)
        if found < 0:
            super().data_received(data)
            return b""
        end = found + len(_END_OF_HEAD) - before
        super().data_received(data[:end])
        if not self.is_open:  # it is refused, and what follows says why
            self._splitter.has_ended = True
        return data[end:]

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

    def send_data(self) -> None:
        with self._sending:
            rest, self._rest = self._rest, b""
            if rest and not self.transport.is_closing():
                self.transport.write(rest)
            super().send_data()
            self._queued += 1
            self.loop.call_soon(self._forget_queued)

    def _forget_queued(self) -> None:
        with self._sending:
            self._queued -= 1

    def resume_writing(self) -> None:
        super().resume_writing()
        self.drained_at = time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        with self._sending:
            self._is_lost = True
            shared, self._socket = self._socket, None
        self._is_shared = False
        super().connection_lost(exc)
        loop = self._other_loop
        if shared is None or loop is None:
            return
        with contextlib.suppress(OSError):
            shared.shutdown(socket.SHUT_RDWR)  # now, for a function may block the other loop
        if not _tell(loop, _end_there, loop, shared):
            shared.close()


def _end_there(loop: asyncio.AbstractEventLoop, shared: socket.socket) -> None:
    loop.remove_reader(shared.fileno())
    shared.close()


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: object) -> bool:
    """Have a loop call something; return False when it is closed."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        return False
    return True
