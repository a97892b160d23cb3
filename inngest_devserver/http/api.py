"""The engine's HTTP API as an ASGI application: who may call it, and errors as JSON.

Handlers are functions of a request that run on the engine's loop; one that waits for something is async. Hosts and
origins that a web page could use to reach an engine on loopback are refused before a body is read.
"""

from __future__ import annotations

import inspect
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

from inngest_core.errors import BodyInvalidError
from inngest_core.extras import needs
from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from inngest_core.protocol.wire import Header
from inngest_core.web.asgi import Message, Receive, Scope, Send, read_request
from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine

with needs("dev-server", "starlette"):
    from starlette import responses
    from starlette.datastructures import Headers
    from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
    from starlette.websockets import WebSocket

from .access import Access
from .answers import APIError, call_of
from .routes import Endpoint, Stream, endpoints, nothing_here, streams


class API:
    """access: who may call it; by default who reaches this machine, with the engine's key if it has one.

    more: further routes.
    """

    def __init__(self, engine: Engine, access: Access | None = None, more: Sequence[Stream] = ()) -> None:
        self._engine = engine
        self._access = access or Access(keys=engine.signing_keys)
        known = endpoints(engine, self._access)
        routes: list[BaseRoute] = [Route(each.path, _Endpoint(self, each)) for each in known]
        for stream in (*streams(engine), *more):
            application = _Stream(self, stream)
            routes.append(Route(stream.path, application))
            if stream.is_websocket:
                routes.append(WebSocketRoute(stream.path, application))
        self._router = Router(routes, redirect_slashes=False, default=self._nothing_here)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._access.check_sender(Headers(scope=scope))
        except APIError as error:
            await self._send(error.response(), scope, receive, send)
            return
        await self._router(_by_raw_path(scope), receive, send)

    async def _nothing_here(self, scope: Scope, receive: Receive, send: Send) -> None:
        what = "no WebSocket" if scope["type"] == "websocket" else "nothing"
        error = APIError(404, f"there is {what} at {scope['path']}")
        await self._send(nothing_here(error, Headers(scope=scope)), scope, receive, send)

    async def answer(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that belongs to *endpoint*; whatever goes wrong is answered too, as JSON."""
        try:
            response = await self._handle(endpoint, scope, receive)
        except APIError as error:
            response = endpoint.refuse(error)
        except BodyInvalidError as error:
            response = endpoint.refuse(APIError(400, f"Invalid request: {error.message}"))
        except Exception as error:
            # The terminal is the engine's only log.
            self._engine.journal.say(f"{scope['method']} {scope['path']} broke the engine: {_told(error)}")
            response = endpoint.refuse(APIError(500, f"the engine failed: {_told(error)}"))
        await self._send(response, scope, receive, send)

    async def stream(self, stream: Stream, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose answer lasts; what goes wrong before it has begun is answered, as JSON."""
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            self._access.check(stream.need, Headers(scope=scope))
            await stream.handler(scope, receive, send_and_note)
        except APIError as error:
            await self._send(stream.refuse(error), scope, receive, send)
        except Exception as error:
            self._engine.journal.say(f"{scope['path']} broke the engine: {_told(error)}")
            if not begun:
                failed = APIError(500, f"the engine failed: {_told(error)}")
                await self._send(stream.refuse(failed), scope, receive, send)

    async def _handle(self, endpoint: Endpoint, scope: Scope, receive: Receive) -> Response:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]  # the server leaves out the body of a HEAD
        handler = endpoint.methods.get(method)
        if handler is None:
            raise APIError(405, f"{method} is not allowed here; try {', '.join(endpoint.methods)}")
        self._access.check(endpoint.need, Headers(scope=scope))
        self._check_file(method)
        request = await read_request(scope, receive, MAX_REQUEST_BYTES)
        if len(request.body) > MAX_REQUEST_BYTES:
            raise APIError(413, f"the body is larger than {MAX_REQUEST_BYTES} bytes")
        answer = handler(call_of(request, scope))
        response = await answer if inspect.isawaitable(answer) else answer
        # An answer promises that what it speaks of is safe, so that is committed first.
        self._engine.store.commit()
        self._check_file(method)
        return response

    def _check_file(self, method: str) -> None:
        """Refuse what changes something while nothing can be kept."""
        trouble = self._engine.store.database.trouble
        if trouble and method != "GET":
            raise APIError(503, f"the engine takes no work while its file cannot be written: {trouble}")

    async def _send(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {**response.headers, Header.SERVER_KIND: self._engine.options.server_kind}
        answer = responses.Response(response.body, response.status, headers)
        if scope["type"] == "http":
            await answer(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        if "websocket.http.response" in scope.get("extensions", {}):
            await websocket.send_denial_response(answer)
        else:
            await websocket.close()


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An endpoint as an ASGI application: Starlette takes an object for one, but not a function."""

    api: API
    endpoint: Endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.api.answer(self.endpoint, scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Stream:
    """A stream as an ASGI application."""

    api: API
    route: Stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.api.stream(self.route, scope, receive, send)


def _told(error: Exception) -> str:
    """Return an error in one line. That of an encoder has all that it was to encode in it, which is not repeated."""
    said = (
        f"{error.reason} at {error.start}" if isinstance(error, UnicodeEncodeError | UnicodeDecodeError) else str(error)
    )
    return f"{type(error).__name__}: {said}"


def _by_raw_path(scope: Scope) -> Scope:
    """Return *scope* with the path as it was sent, for routing: an id may contain a quoted slash."""
    raw: bytes = scope.get("raw_path") or urllib.parse.quote(scope["path"]).encode()
    return {**scope, "path": raw.decode("latin-1").rstrip("/") or "/", "root_path": ""}
