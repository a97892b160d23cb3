"""What handlers of the engine's API get, return and raise. Knows no route."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inngest_core.web.asgi import Scope, read_head
from inngest_core.web.messages import Request, Response
from inngest_devserver import fragments
from inngest_devserver.scheduling.clock import iso

NO_ACCOUNT = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to a handler. path: what fills the names in the route. queries: all values of each key."""

    request: Request
    path: Mapping[str, str]
    queries: Mapping[str, list[str]]

    @property
    def query(self) -> Mapping[str, str]:
        """Return the first value of each key."""
        return {name: values[0] for name, values in self.queries.items()}

    def all(self, *names: str) -> list[str]:
        """Return every value that the query has under any of the names; `a[]=1` counts as `a=1`, `a=1,2` as two."""
        keys = (key for name in names for key in (name, f"{name}[]"))
        return [part for key in keys for value in self.queries.get(key, ()) for part in value.split(",") if part]


def call_of(request: Request, scope: Scope) -> Call:
    """Return a request with what its path and its query say."""
    path = {name: urllib.parse.unquote(part) for name, part in scope["path_params"].items()}
    query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return Call(request, path, query)


def call_without_body(scope: Scope) -> Call:
    """Return a request whose body nobody reads."""
    head = read_head(scope)
    return call_of(Request(head.method, head.url, head.headers, b"", scope), scope)


def refuse_unknown(call: Call, known: Iterable[str]) -> None:
    """Raise APIError for a parameter of the query that would be ignored: what was to be filtered would not be."""
    unknown = sorted({name.removesuffix("[]") for name in call.queries} - set(known))
    if unknown:
        raise APIError(400, f"the query parameter {unknown[0]} is unknown; known are {', '.join(known) or 'none'}")


class APIError(Exception):
    """Ends a request with a status and a JSON body. fields: more of the body."""

    def __init__(self, status: int, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = fields

    def response(self) -> Response:
        return json_response({"error": self.message, "data": None, "status": self.status, **self.fields}, self.status)


def json_response(value: object, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, fragments.dump(value))


def raw_json_response(body: bytes) -> Response:
    return Response(200, {"content-type": "application/json"}, body)


def empty_response(status: int = 204) -> Response:
    return Response(status, {}, b"")


def enveloped(data: object, now: float, *, status: int = 200) -> Response:
    """Return data as `/v1` does. Nothing is cached, so it is as fresh as it says."""
    return json_response({"data": data, "metadata": {"fetched_at": iso(now), "cached_until": iso(now)}}, status)


def headers_for_pages(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that let the page which asks read the answer; one that may not use the engine was refused."""
    origin = headers.get("origin")
    return {} if origin is None else {"access-control-allow-origin": origin, "vary": "origin"}
