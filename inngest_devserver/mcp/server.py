"""An MCP server with the tools, for standard streams and for HTTP. Knows no tool from the inside."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from inngest_core.extras import needs
from inngest_core.protocol.wire import VERSION
from inngest_core.web.asgi import Receive, Scope, Send

with needs("mcp", "mcp"):
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp_types import ToolAnnotations

from inngest_devserver.scheduling.clock import Clock, SystemClock

from .acting import Acting
from .asking import Asking, RefusedError
from .fitting import fit
from .looking import Looking

_ABOUT = (
    "Durable functions on an Inngest engine. list_functions shows what there is, list_runs what has run; explain_run "
    "says what happened in a run, with its error and why it waits. {writes} Values of fields that look like secrets "
    "are masked."
)
_READS = "These tools only look: the server was started without --allow-writes."
_WRITES = (
    "send_event, invoke_function, rerun and cancel_run change something; rerun a failed run once its code is mended."
)


def make_server(asking: Asking, *, allow_writes: bool, clock: Clock | None = None) -> MCPServer[Any]:
    """Return a server. allow_writes: also with the tools that change something. clock: the machine's by default."""
    about = _ABOUT.format(writes=_WRITES if allow_writes else _READS)
    server: MCPServer[Any] = MCPServer("inngest", version=VERSION, instructions=about, log_level="ERROR")
    looking = Looking(asking, clock or SystemClock())
    looks = (
        looking.list_functions,
        looking.list_event_types,
        looking.list_runs,
        looking.explain_run,
        looking.list_events,
        looking.tail,
    )
    for look in looks:
        _add(server, look, ToolAnnotations(read_only_hint=True, open_world_hint=False))
    if allow_writes:
        acting = Acting(asking, looking)
        for act in (acting.send_event, acting.invoke_function, acting.rerun):
            _add(server, act, ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False))
        _add(server, acting.cancel_run, ToolAnnotations(read_only_hint=False, destructive_hint=True))
    return server


def _add(server: MCPServer[Any], tool: Callable[..., Awaitable[Any]], annotations: ToolAnnotations) -> None:
    """Add a tool, whose refusals the assistant reads."""

    @functools.wraps(tool)
    async def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return fit(await tool(*args, **kwargs))
        except RefusedError as error:
            raise ToolError(str(error)) from None

    server.add_tool(told, annotations=annotations)


class Endpoint:
    """The server as an ASGI application, for `/mcp` of an engine. Start it before the first request."""

    def __init__(self, application: Callable[[Scope, Receive, Send], Awaitable[None]], *, allow_writes: bool) -> None:
        """Make it. application: the engine's API, which it asks in this process."""
        transport = httpx.ASGITransport(app=application)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", trust_env=False)
        server = make_server(Asking(self._client), allow_writes=allow_writes)
        server.streamable_http_app(stateless_http=True, json_response=True)
        self._manager: StreamableHTTPSessionManager = server.session_manager
        self._ready = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._live(), name="inngest mcp")
        await self._ready.wait()

    async def stop(self) -> None:
        self._over.set()
        if self._task is not None:
            await self._task
        await self._client.aclose()

    async def _live(self) -> None:
        async with self._manager.run():
            self._ready.set()
            await self._over.wait()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)
