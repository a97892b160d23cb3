"""Server-sent events, from bytes as they come to the data of each event. Bounded: what is too large is left out.

Of the fields only `data` counts here: names, ids and pauses of events are not used by engines.
"""

from __future__ import annotations

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""The largest message, with every character escaped, and more."""


class EventParser:
    """Give it bytes with `feed`. left_out: how many events were too large."""

    def __init__(self) -> None:
        self.left_out = 0
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._too_large = False
        self._after_cr = False

    def feed(self, content: bytes) -> list[bytes]:
        """Return the data of the events that end in *content*."""
        if not content:  # whether a line feed belongs to the end before is still open
            return []
        if self._after_cr and content.startswith(b"\n"):
            content = content[1:]
        self._after_cr = content.endswith(b"\r")
        events: list[bytes] = []
        *lines, rest = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._add(line)
            whole = bytes(self._line)
            self._line.clear()
            if not whole:
                self._end(events)
            elif whole.startswith(b"data:") and not self._too_large:
                self._data.append(whole[5:].removeprefix(b" "))
        self._add(rest)
        return events

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MAX_EVENT_BYTES:
            self._too_large = True
            self._data.clear()
            self._line[:] = part[:1]  # so much as to tell an empty line from another
        else:
            self._line += part

    def _end(self, events: list[bytes]) -> None:
        if self._too_large:
            self.left_out += 1
        elif self._data:
            events.append(b"\n".join(self._data))
        self._data.clear()
        self._size, self._too_large = 0, False
