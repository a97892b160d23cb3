"""The download of a copy of all that the engine keeps, made while it goes on with its work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path

from inngest_core.web.asgi import Receive, Scope, Send
from inngest_devserver.engine import Engine
from inngest_devserver.storage.backup import BackupError

from .answers import APIError

_CONTENT_TYPE = "application/vnd.sqlite3"
_CHUNK_BYTES = 256 * 1024


class BackupDownload:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the copy; raises APIError when there is none."""
        if scope["method"] != "GET":
            raise APIError(405, f"{scope['method']} is not allowed here; try GET")
        persist = self._engine.options.persist
        # Beside the file there is most likely room for another one; a folder for temporary files may be in memory.
        folder = None if persist is None else persist.absolute().parent
        try:
            handle, name = tempfile.mkstemp(prefix="inngest-backup-", suffix=".db", dir=folder)
        except OSError as error:
            raise APIError(503, f"the copy cannot be written: {error}") from None
        os.close(handle)
        path = Path(name)
        try:
            await asyncio.to_thread(self._engine.store.database.backup(), path)
            with contextlib.suppress(asyncio.CancelledError):  # the server stops, and does not wait for a slow download
                await _send(path, send)
        except BackupError as error:
            raise APIError(503, str(error)) from None
        finally:
            path.unlink(missing_ok=True)


async def _send(path: Path, send: Send) -> None:
    size = str(path.stat().st_size)
    headers = [(b"content-type", _CONTENT_TYPE.encode()), (b"content-length", size.encode())]
    with path.open("rb") as file:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while chunk := file.read(_CHUNK_BYTES):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
