"""A way between a worker and its gateway that fails as networks do: it goes silent, resets, dribbles, or ends TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

_HANG_UP = struct.pack("ii", 1, 0)
"""For SO_LINGER: what is closed is reset."""


@dataclass(eq=False)
class Way:
    """to: the port that it leads to. piece: how many bytes it passes on at a time; all that there are by default.

    tls: ends TLS on the worker's side.
    """

    to: int
    piece: int = 0
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set["asyncio.StreamWriter"])
    _silent: set[asyncio.StreamWriter] = field(default_factory=set["asyncio.StreamWriter"])

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[Way]:
        """Listen inside the block."""
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()

    def endpoint(self, _named: str) -> str:
        """Return what a worker is to connect to instead of what the gateway named."""
        return f"{'ws' if self.tls is None else 'wss'}://127.0.0.1:{self.port}/v0/connect"

    def go_silent(self) -> None:
        """Pass nothing on any more of what is connected now, and tell nobody."""
        self._silent |= self._open

    def reset(self) -> None:
        """Reset what is connected now."""
        for writer in list(self._open):
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HANG_UP)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                step = self.piece or len(data)
                for start in range(0, len(data), step):
                    if writer not in self._silent:
                        writer.write(data[start : start + step])
                        await writer.drain()
                        await asyncio.sleep(0)
        self._open.discard(writer)
        writer.close()
