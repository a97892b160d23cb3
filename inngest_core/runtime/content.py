"""The body of an answer, put together and decompressed as it comes, never beyond a limit. Reads no socket."""

from __future__ import annotations

import zlib

GZIP = "gzip"
"""What requests accept: a compression that can be undone piece by piece."""

_GZIP_WINDOW = zlib.MAX_WBITS | 16


class ContentError(Exception):
    """The body cannot be used: too large, broken, or compressed in a way that was not asked for."""


class Content:
    """Collects the chunks of a body."""

    def __init__(self, encoding: str, limit: int) -> None:
        """encoding: the content-encoding header. limit: in bytes, of the decompressed body. Raises ContentError."""
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", GZIP, "x-gzip"):
            raise ContentError(f"its content encoding is {encoding[:50]!r}, and only {GZIP} was asked for")
        self._inflate = zlib.decompressobj(_GZIP_WINDOW) if encoding.endswith(GZIP) else None
        self._limit = limit
        self._room = limit
        self._chunks: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """Take the next chunk; raises ContentError when the body is broken, or larger than the limit."""
        plain = chunk if self._inflate is None else _decompress(self._inflate, chunk, self._room + 1)
        self._room -= len(plain)
        if self._room < 0:
            raise ContentError(f"it is larger than {self._limit:,} bytes")
        self._chunks.append(plain)

    def bytes(self) -> bytes:
        """Return the whole body; raises ContentError when a compressed one was cut off."""
        if self._inflate is not None and self._chunks and not self._inflate.eof:
            raise ContentError("it was cut off")
        return b"".join(self._chunks)


def _decompress(inflate: zlib._Decompress, chunk: bytes, limit: int) -> bytes:
    """Return what *chunk* adds, at most *limit* bytes: what exceeds that is never made."""
    try:
        return inflate.decompress(chunk, limit)
    except zlib.error as error:
        raise ContentError(f"it is broken: {error}") from None
