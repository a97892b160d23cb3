"""`inngest mcp`: an MCP server on standard streams, for an assistant that starts it. Prints nothing else there."""

from __future__ import annotations

import asyncio

import httpx

from inngest_devserver.mcp.asking import Asking
from inngest_devserver.mcp.server import make_server

from .remote import TIMEOUT_SECONDS, Remote


def mcp(remote: Remote, *, allow_writes: bool) -> int:
    """Serve the tools until the assistant goes away. allow_writes: also those that change something."""
    return asyncio.run(_serve(remote, allow_writes=allow_writes))


async def _serve(remote: Remote, *, allow_writes: bool) -> int:
    async with httpx.AsyncClient(
        base_url=remote.origin, headers=remote.headers(), trust_env=False, timeout=TIMEOUT_SECONDS
    ) as client:
        await make_server(Asking(client, remote.event_key), allow_writes=allow_writes).run_stdio_async()
    return 0
