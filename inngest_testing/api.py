"""The engine's API for clients in the same process: the requests of apps, given to the engine's own handlers.

Only what clients ask for is routed. Nothing is refused for want of a key: no stranger can reach it.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import Header
from inngest_core.web.messages import HTTPRequest, HTTPResponse, Request, Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call
from inngest_devserver.http.app_routes import AppRoutes
from inngest_devserver.http.checkpoint_routes import CheckpointRoutes
from inngest_devserver.http.event_routes import EventRoutes
from inngest_devserver.http.realtime_routes import RealtimeRoutes
from inngest_devserver.http.run_routes import RunRoutes

Handler = Callable[[Call], Response | Awaitable[Response]]


def is_sending(request: HTTPRequest) -> bool:
    """Tell whether a request sends events."""
    return request.method == "POST" and urllib.parse.urlsplit(request.url).path.startswith("/e/")


def nothing_arrives(request: HTTPRequest) -> HTTPResponse:
    """Answer a request as if all were well, and do nothing."""
    count = request.body.count(b'"name"') if is_sending(request) else 0
    return HTTPResponse(200, {}, json.dumps({"ids": [str(number) for number in range(count)], "status": 200}).encode())


class ClientAPI:
    """Answers the requests of clients; on the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        apps, events, runs = AppRoutes(engine), EventRoutes(engine), RunRoutes(engine)
        checkpoints, realtime = CheckpointRoutes(engine), RealtimeRoutes(engine)
        routes: Mapping[str, Handler] = {
            "POST /e/{key}": events.send,
            "POST /fn/register": apps.register,
            "POST /v1/signals": events.signal,
            "GET /v0/runs/{run}/actions": runs.actions,
            "GET /v0/runs/{run}/batch": runs.batch,
            "POST /v1/checkpoint/{run}/async": checkpoints.save,
            "POST /v1/realtime/publish": realtime.publish,
            "POST /v1/realtime/publish/tee": realtime.tee,
            "POST /v1/realtime/token": realtime.token,
        }
        self._routes = [(_pattern(route), handler) for route, handler in routes.items()]

    def answer(self, request: HTTPRequest) -> HTTPResponse:
        """Answer a request; errors are answers, too."""
        parts = urllib.parse.urlsplit(request.url)
        asked = f"{request.method} {parts.path}"
        for pattern, handler in self._routes:
            match = pattern.fullmatch(asked)
            if match is not None:
                path = {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}
                return _to_http(self._handle(handler, _call(request, path, parts.query)))
        message = f"the test engine has no {asked}; it answers what apps ask for while their functions run"
        return _to_http(APIError(404, message).response())

    def _handle(self, handler: Handler, call: Call) -> Response:
        try:
            answer = handler(call)
        except APIError as error:
            return error.response()
        except BodyInvalidError as error:
            return APIError(400, f"Invalid request: {error.message}").response()
        if not isinstance(answer, Response):
            raise AssertionError("what clients ask for is answered at once")
        self._engine.store.commit()
        return answer


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route))


def _call(request: HTTPRequest, path: Mapping[str, str], query: str) -> Call:
    """Return what a handler gets. The mode of the app does not matter here: the engine is of each app's own kind."""
    headers = {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() != Header.EXPECTED_SERVER_KIND.value
    }
    queries = urllib.parse.parse_qs(query, keep_blank_values=True)
    return Call(Request(request.method, request.url, headers, request.body), path, queries)


def _to_http(response: Response) -> HTTPResponse:
    return HTTPResponse(response.status, response.headers, response.content)
