"""Serves functions from DigitalOcean Functions. Translates events and responses, and nothing else.

The platform has to pass bodies on as they came, which `web: raw` in project.yml makes it do.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack, cast

from inngest_core.client import Inngest
from inngest_core.errors import BodyInvalidError, InngestError
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.options import ServeOptions
from inngest_core.web.messages import Head, Request, Response

FRAMEWORK = "digitalocean"

Event = Mapping[str, Any]
Handler = Callable[[Event, Any], dict[str, Any]]


def serve(client: Inngest, functions: Sequence[Function[Any]], **options: Unpack[ServeOptions]) -> Handler:
    """Return a handler `(event, context)` that serves *functions* at every path; name it `main`.

    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: path that is advertised to the engine instead of the function's own.
    serve_origin: scheme and host under which the engine reaches this function, such as "https://shop.example", where
        they are not those of the platform; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: inngest.Streaming.DISABLE or nothing: the platform cannot stream; INNGEST_STREAMING has no effect.
    Raises ConfigError: an argument is of the wrong kind. FunctionConfigError: two functions share an id.
    """
    core = App(client, functions, framework=FRAMEWORK, **options)

    def main(event: Event, context: Any) -> dict[str, Any]:
        try:
            http = _http(event)
            head = _head(http, context)
            refused = core.admit(*head)
            if refused is not None:
                return _response(refused)
            asked = Request(*head, _body(http), raw={"event": event, "context": context})
        except InngestError as error:
            return _response(core.refuse(error))
        return _response(core.handle_sync(asked))

    return main


def _http(event: Event) -> Mapping[str, Any]:
    """Return the HTTP request in an event; raises BodyInvalidError when the platform has parsed it."""
    given = event.get("http")
    http = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    if "body" not in http:
        raise BodyInvalidError("the event holds no raw HTTP request; set `web: raw` for this function in project.yml")
    return http


def _head(http: Mapping[str, Any], context: Any) -> Head:
    query = http.get("queryString")
    headers: dict[str, object] = http.get("headers") or {}
    return Head(
        method=str(http.get("method", "")).upper(),
        url=_url(http, context) + (f"?{query}" if query else ""),
        headers={name.lower(): str(value) for name, value in headers.items()},
    )


def _url(http: Mapping[str, Any], context: Any) -> str:
    """Return the URL of the function; an event holds only the part of the path that comes after it."""
    origin = str(getattr(context, "api_host", None) or "http://localhost").rstrip("/")
    name = str(getattr(context, "function_name", None) or "").strip("/")
    return f"{origin}/api/v1/web/{name}{http.get('path') or ''}"


def _body(http: Mapping[str, Any]) -> bytes:
    """Return the bytes of the body; raises BodyInvalidError when they are not encoded as the event says."""
    body = http["body"]
    text = body if isinstance(body, str) else ""
    if not http.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BodyInvalidError("the body is not the base64 that the event says it is") from None


def _response(response: Response) -> dict[str, Any]:
    return {"statusCode": response.status, "headers": dict(response.headers), "body": response.content.decode()}
