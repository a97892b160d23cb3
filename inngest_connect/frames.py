"""WebSocket frames that hold a whole binary message, as all of Connect's do: found in bytes, and written.

Whatever else may come (pings, closing, pieces of a message, nonsense) is left to a library.
"""

from __future__ import annotations

import os

from websockets.frames import Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # not built for this platform
    from websockets.utils import apply_mask

_FIN, _MASKED = 0x80, 0x80
_PLAIN = _FIN | Opcode.BINARY
_MASK_BYTES = 4
_LONG, _LONGER = 126, 127
"""Instead of a length: it is in the next two, or eight bytes."""
_RANDOM_BYTES = 4096
"""Asked of the system at a time: to ask takes longer than all else about a mask."""


class _Masks:
    """Masks that nobody can foresee. Two threads that come at once may get the same one, which does no harm."""

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def next(self) -> bytes:
        used = self._used
        if used == len(self._random):
            self._random, used = os.urandom(_RANDOM_BYTES), 0
        self._used = used + _MASK_BYTES
        return self._random[used : used + _MASK_BYTES]


_masks = _Masks()


def binary_frame(message: bytes, *, masked: bool) -> bytes:
    """Return the frame of a message. masked: as a client's must be."""
    size = len(message)
    mask_bit = _MASKED if masked else 0
    if size < _LONG:
        head = bytes((_PLAIN, mask_bit | size))
    elif size < 1 << 16:
        head = bytes((_PLAIN, mask_bit | _LONG)) + size.to_bytes(2, "big")
    else:
        head = bytes((_PLAIN, mask_bit | _LONGER)) + size.to_bytes(8, "big")
    if not masked:
        return head + message
    mask = _masks.next()
    return head + mask + apply_mask(message, mask)


class Splitter:
    """Cuts what comes over a connection into messages, until something comes that is no such frame."""

    def __init__(self, *, masked: bool, most: int) -> None:
        """masked: what a client has sent. most: bytes of a message."""
        self._mask_size = _MASK_BYTES if masked else 0
        self._mask_bit = _MASKED if masked else 0
        self._most = most
        self._pending = bytearray()
        self._wanted = 0
        """How many bytes there must be before it is worth while to look at them again."""
        self.has_ended = False
        """Whether another frame has come."""
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with these bytes."""
        if self._pending:
            self._pending += data
            if len(self._pending) < self._wanted:
                return []
            data = bytes(self._pending)
            self._pending.clear()
        messages: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            payload_at, end = self._find(data, at, size)
            if end > size:
                self._pending += data[at:]
                self._wanted = end - at
                break
            if end < 0:
                self.has_ended, self._rest = True, data[at:]
                break
            message = data[payload_at:end]
            messages.append(
                apply_mask(message, data[payload_at - _MASK_BYTES : payload_at]) if self._mask_size else message
            )
            at = end
        return messages

    def take_rest(self) -> bytes:
        """Return what has come from the first other frame on, once."""
        rest, self._rest = self._rest, b""
        return rest

    def _find(self, data: bytes, at: int, size: int) -> tuple[int, int]:
        """Return where the payload of the frame at *at* begins and ends; that is before 0 when it is another frame.

        An end that is beyond the data may be nearer than that of the frame.
        """
        start = at + 2 + self._mask_size
        if start > size:
            return start, start
        length = data[at + 1] ^ self._mask_bit
        if data[at] != _PLAIN or length > _LONGER:
            return start, -1
        if length >= _LONG:
            width = 2 if length == _LONG else 8
            start += width
            if start > size:
                return start, start
            length = int.from_bytes(data[at + 2 : at + 2 + width], "big")
        if length > self._most:
            return start, -1
        return start, start + length
