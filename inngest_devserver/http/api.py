"""The engine's HTTP API: finds the route, answers errors as JSON. Plain functions of a request, no sockets.

Handlers run on the engine's loop and never wait. Refuses hosts and origins that a web page could use to reach an
engine on loopback. Sources: protocol C11, B18 and wire/engine-api.jsonl.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inngest_core.errors import BodyInvalidError, ConfigError
from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from inngest_core.protocol.wire import Header
from inngest_core.web.messages import Request, Response
from inngest_devserver.engine import Engine

from .answers import APIError
from .app_routes import SetupRoutes
from .event_routes import EventRoutes
from .run_routes import RunRoutes

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})
"""Names that lead here and nowhere else; the last is what containers call the machine they run on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a handler. path: the parts that the route left open. query: the first of each key."""

    request: Request
    path: tuple[str, ...]
    query: Mapping[str, str]


Handler = Callable[[Call], Response]


class API:
    """any_host: answer whatever name the engine was reached by (it is bound to more than loopback)."""

    def __init__(self, engine: Engine, *, any_host: bool = False) -> None:
        self._engine = engine
        self._any_host = any_host
        self._routes = self._make_routes()

    def _make_routes(self) -> list[tuple[re.Pattern[str], dict[str, Handler], bool]]:
        """Return (path, handler by method, whether the signing key guards it)."""
        events, runs, setup = EventRoutes(self._engine), RunRoutes(self._engine), SetupRoutes(self._engine)
        table: list[tuple[str, dict[str, Handler], bool]] = [
            ("/e/*", {"POST": lambda c: events.send(c.request, c.path[0])}, False),
            ("/invoke/*", {"POST": lambda c: events.invoke(c.request, c.path[0])}, True),
            (
                "/fn/register",
                {"POST": lambda c: setup.register(c.request), "PUT": lambda c: setup.register(c.request)},
                True,
            ),
            ("/fn/remove", {"DELETE": lambda c: setup.remove(c.query)}, True),
            ("/dev", {"GET": lambda c: setup.info()}, False),
            ("/health", {"GET": lambda c: setup.health()}, False),
            ("/v0/runs/*/actions", {"GET": lambda c: runs.actions(c.path[0])}, True),
            ("/v0/runs/*/batch", {"GET": lambda c: runs.batch(c.path[0])}, True),
            ("/v0/runs/*", {"DELETE": lambda c: runs.cancel(c.path[0])}, True),
            ("/v1/events", {"GET": lambda c: events.list(c.query)}, True),
            ("/v1/events/*", {"GET": lambda c: events.one(c.path[0])}, True),
            ("/v1/events/*/runs", {"GET": lambda c: runs.of_event(c.path[0])}, True),
            ("/v1/runs", {"GET": lambda c: runs.list(c.query)}, True),
            (
                "/v1/runs/*",
                {"GET": lambda c: runs.one(c.path[0]), "DELETE": lambda c: runs.cancel(c.path[0])},
                True,
            ),
            ("/v1/runs/*/jobs", {"GET": lambda c: runs.jobs(c.path[0])}, True),
            ("/v1/runs/*/history", {"GET": lambda c: runs.history(c.path[0])}, True),
            ("/v1/apps/*/functions", {"GET": lambda c: setup.functions(c.path[0])}, True),
        ]
        return [(_pattern(path), methods, guarded) for path, methods, guarded in table]

    def handle(self, request: Request) -> Response:
        """Answer a request; raises nothing. The body may be cut one byte past MAX_REQUEST_BYTES."""
        try:
            response = self._handle(request)
        except APIError as error:
            response = error.response()
        except BodyInvalidError as error:
            response = APIError(400, f"Invalid request: {error.message}").response()
        except Exception as error:
            # The person at the terminal is the engine's only log: an answer must come, and be JSON.
            self._engine.journal.say(f"{request.method} {request.url} broke the engine: {error!r}")
            response = APIError(500, f"the engine failed: {type(error).__name__}: {error}").response()
        return Response(
            response.status,
            {**response.headers, Header.SERVER_KIND: self._engine.options.server_kind},
            response.body,
        )

    def _handle(self, request: Request) -> Response:
        self._check_sender(request)
        if len(request.body) > MAX_REQUEST_BYTES:
            raise APIError(413, f"the body is larger than {MAX_REQUEST_BYTES} bytes")
        url = urllib.parse.urlsplit(request.url)
        path = url.path.rstrip("/") or "/"
        for pattern, methods, guarded in self._routes:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            handler = methods.get(request.method)
            if handler is None:
                raise APIError(405, f"{request.method} is not allowed here; try {', '.join(methods)}")
            if guarded:
                self._check_key(request)
            parts = tuple(urllib.parse.unquote(part) for part in match.groups())
            return handler(Call(request, parts, dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))))
        raise APIError(404, f"there is nothing at {path}")

    def _check_sender(self, request: Request) -> None:
        """Refuse what a web page sent, or made a browser send by giving its own name our address."""
        if self._any_host:
            return
        host = request.headers.get("host", "")
        if not _is_loopback(f"//{host}"):
            raise APIError(403, f"host {host!r} is not allowed; reach the engine by localhost or 127.0.0.1")
        origin = request.headers.get("origin")
        if origin is not None and not _is_loopback(origin):
            raise APIError(403, f"origin {origin!r} is not allowed; web pages may not use this engine")

    def _check_key(self, request: Request) -> None:
        key = self._engine.signing_key
        if key is None:
            return
        given = request.headers.get(Header.AUTHORIZATION, "").removeprefix("Bearer ").strip()
        if given not in _accepted(key.text, key.secret.decode(), self._hash()):
            raise APIError(401, "Authentication failed: send the signing key as a bearer token")

    def _hash(self) -> str:
        try:
            return self._engine.signing_key.hash() if self._engine.signing_key else ""
        except ConfigError:
            return ""


def _accepted(text: str, bare: str, digest: str) -> set[str]:
    """Return the spellings of a key that are accepted: as it is or hashed, with or without its prefix."""
    prefix = text.removesuffix(bare)
    return {text, bare} | ({digest, prefix + digest} if digest else set[str]())


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("([^/]+)".join(re.escape(part) for part in path.split("*")))


def _is_loopback(url: str) -> bool:
    try:
        name = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return False
    return name in _LOOPBACK or name.endswith(".localhost")
