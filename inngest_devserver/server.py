"""The engine behind a socket: `DevServer` starts the engine and its HTTP server, and stops both.

The only module of the engine that knows uvicorn. Decides nothing about runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from inngest_core.extras import needs
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES

with needs("dev-server", "uvicorn"):
    import uvicorn

from .apps.ping import POLL_SECONDS, keep_registered, register_app
from .engine import Engine, Options
from .half_open import REQUEST_SECONDS, closing_half_open
from .http.access import Access, Need, host_name
from .http.api import API
from .http.routes import Stream
from .websockets import websocket_protocol

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what it means to bind to them is asked here
DEFAULT_PORT = 8288
_BACKLOG = 2048
_LONGEST_FRAME = MAX_RESPONSE_BYTES
"""Bytes that a WebSocket's client may send at once: the reply of a worker holds as much as an answer over HTTP."""
_PING_SECONDS = 15.0


class _Tools(Protocol):
    """What is there at /mcp; its package may be missing."""

    async def stop(self) -> None: ...


class DevServer:
    """The engine with its HTTP API, in this process.

    async with DevServer() as server: ...     on the running loop
    with DevServer(port=0) as server: ...     on a thread of its own
    Ready when entered; `origin` says where. port 0 takes any free one.
    allowed_hosts: names by which it may be reached besides those of this machine and *host*. Of the server kind
    "cloud", with keys and no name given, it answers to any name, for every route asks for a key then.
    token: what managing routes ask for besides the signing key; without those keys one is made up when *host* is not
    loopback.
    mcp: whether assistants find tools at /mcp, and may_write whether these may change something; needs the extra `mcp`.
    request_seconds: how long a client may take to send a request, without its body; four times that with it.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        allowed_hosts: Sequence[str] = (),
        token: str | None = None,
        mcp: bool = False,
        may_write: bool = False,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self.options = options or Options()
        self._host = host
        self._port = port
        self._request_seconds = request_seconds
        self._has_mcp, self._may_write = mcp, may_write
        self._mcp: _Tools | None = None
        self._allowed_hosts = [host_name(each) for each in allowed_hosts]
        self.token = token or (None if host in LOOPBACK or self._needs_keys else secrets.token_urlsafe(24))
        self._engine: Engine | None = None
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._pings: set[asyncio.Task[None]] = set()
        self._thread: _Thread | None = None

    @property
    def _needs_keys(self) -> bool:
        return self.options.server_kind == "cloud" and bool(self.options.signing_key and self.options.event_keys)

    def _access(self, engine: Engine) -> Access:
        own = [] if self._host in ANYWHERE else [host_name(self._host)]
        by_any_name = self._needs_keys and not self._allowed_hosts
        hosts = None if by_any_name else frozenset([*own, *self._allowed_hosts])
        return Access(hosts, engine.signing_keys, self.token)

    @property
    def engine(self) -> Engine:
        """The engine, while started; to be touched by its loop's thread only."""
        if self._engine is None:
            raise RuntimeError("the dev server is not started")
        return self._engine

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port if self._socket is None else int(self._socket.getsockname()[1])

    @property
    def origin(self) -> str:
        """Where the engine is reached from this machine, such as http://127.0.0.1:8288."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(self._host, self._host)  # noqa: S104
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Start on the running loop; raises OSError when the port is taken."""
        listener = _listen(self._host, self._port)
        try:
            self._engine = Engine(self.options)
            self._engine.start()
            api = API(self._engine, self._access(self._engine), await self._streams(self._engine))
            self._server = await _serve(api, listener, self._request_seconds)
        except BaseException:
            listener.close()
            if self._mcp is not None:
                await self._mcp.stop()
            if self._engine is not None:
                await self._engine.stop()
                self._engine = None
            raise
        self._socket = listener
        # Keeps the Date header right; nothing waits for its ticks.
        self._ticking = asyncio.create_task(self._server.main_loop(), name="inngest server")

    async def _streams(self, engine: Engine) -> list[Stream]:
        """Return the routes that are there when they were asked for."""
        if not self._has_mcp:
            return []
        from .mcp.server import Endpoint  # needs an extra, and takes its time to import

        # It has shown at the door what it needs, so nothing is asked for inside.
        tools = Endpoint(API(engine, Access()), allow_writes=self._may_write)
        await tools.start()
        self._mcp = tools
        return [Stream("/mcp", tools.serve, need=Need.MANAGE)]

    async def stop(self) -> None:
        """Stop listening, then the engine; calls that are under way are given up and sent again after a restart."""
        if self._engine is None or self._server is None or self._socket is None:
            return
        tasks = [*self._pings, *([self._ticking] if self._ticking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Calls end first: an app that is in one may be waiting for an answer of this very server.
        await self._engine.stop_calls()
        if self._mcp is not None:
            await self._mcp.stop()
            self._mcp = None
        await self._server.shutdown(sockets=[self._socket])
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()  # its client reads nothing, so that it would never be closed
        await self._engine.stop()
        self._engine = self._server = self._socket = self._ticking = None

    def register(self, url: str) -> asyncio.Task[None]:
        """Ask the app at *url* to register, again and again until it does; the task ends then."""
        task = asyncio.create_task(register_app(self.engine, url), name="register an app")
        self._pings.add(task)
        task.add_done_callback(self._pings.discard)
        return task

    def poll(self, url: str, seconds: float = POLL_SECONDS) -> None:
        """Have the app at *url*, which has registered, do so again every few seconds until the server stops."""
        task = asyncio.create_task(keep_registered(self.engine, url, seconds), name="poll an app")
        self._pings.add(task)
        task.add_done_callback(self._pings.discard)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self._thread = _Thread(self)
        self._thread.start_and_wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.stop_and_wait()
            self._thread = None

    def register_and_wait(self, url: str, seconds: float = 30.0) -> None:
        """As `register`, from the thread that entered the sync context manager; raises TimeoutError."""
        if self._thread is None:
            raise RuntimeError("enter the dev server with `with` first")
        self._thread.run(register_app(self.engine, url), seconds)


class _Thread:
    """Runs a dev server on a loop of its own, for programs that have none."""

    def __init__(self, server: DevServer) -> None:
        self._server = server
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._main, name="inngest dev server", daemon=True)

    def start_and_wait(self) -> None:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop_and_wait(self) -> None:
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def run(self, work: Any, seconds: float) -> None:
        assert self._loop is not None  # noqa: S101 - set before start_and_wait returns
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), self._loop).result()

    def _main(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            await self._server.start()
        except BaseException as error:
            self._failure = error
            return
        finally:
            self._ready.set()
        await self._stop.wait()
        await self._server.stop()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends small packets at once (TCP_NODELAY) only on sockets that say TCP:
    # without it each answer waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


async def _serve(api: API, listener: socket.socket, request_seconds: float) -> uvicorn.Server:
    """Start uvicorn without its own run loop: signals stay with the program, and being ready needs no polling."""
    config = uvicorn.Config(
        api,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        ws=websocket_protocol(),
        ws_max_size=_LONGEST_FRAME,
        ws_per_message_deflate=False,  # most connections are within one machine
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=3 * _PING_SECONDS,
    )
    config.load()
    config.http_protocol_class = closing_half_open(config.http_protocol_class, request_seconds)
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    return server
