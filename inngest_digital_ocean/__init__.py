"""Serves functions as a function of DigitalOcean. Translates events and responses, and nothing else.

The platform has to pass on bodies as they came: `web: raw` in project.yml.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from inngest_core.client import Inngest
from inngest_core.errors import BodyInvalidError, InngestError
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.refusal import refuse
from inngest_core.web.messages import Request, Response

FRAMEWORK = "digitalocean"

Event = Mapping[str, Any]
Handler = Callable[[Event, Any], dict[str, Any]]


def serve(
    client: Inngest,
    functions: Sequence[Function[Any]],
    *,
    serve_path: str | None = None,
    serve_origin: str | None = None,
    public_path: str | None = None,
) -> Handler:
    """Return a handler `(event, context)` that serves *functions*; name it `main`. It answers at every path.

    serve_path, serve_origin, public_path: what is advertised to the engine instead of the function's own URL.
    Raises FunctionConfigError when two functions share an id.
    """
    core = App(
        client,
        functions,
        framework=FRAMEWORK,
        serve_path=serve_path,
        serve_origin=serve_origin,
        public_path=public_path,
    )

    def main(event: Event, context: Any) -> dict[str, Any]:
        try:
            asked = _request(event, context)
        except InngestError as error:
            return _response(refuse(core, error))
        return _response(core.handle_sync(asked))

    return main


def _request(event: Event, context: Any) -> Request:
    """Read an event of the platform; raises BodyInvalidError when it is not a raw one."""
    given = event.get("http")
    http = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    if "body" not in http:
        raise BodyInvalidError("the event holds no raw HTTP request; set `web: raw` for this function in project.yml")
    query = http.get("queryString")
    headers: dict[str, object] = http.get("headers") or {}
    return Request(
        method=str(http.get("method", "")).upper(),
        url=_url(http, context) + (f"?{query}" if query else ""),
        headers={name.lower(): str(value) for name, value in headers.items()},
        body=_body(http),
        raw=event,
    )


def _url(http: Mapping[str, Any], context: Any) -> str:
    """Return the URL of the function; the platform tells the path after it only."""
    origin = str(getattr(context, "api_host", None) or "http://localhost").rstrip("/")
    name = str(getattr(context, "function_name", None) or "").strip("/")
    return f"{origin}/api/v1/web/{name}{http.get('path') or ''}"


def _body(http: Mapping[str, Any]) -> bytes:
    body = http["body"]
    text = body if isinstance(body, str) else ""
    if not http.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BodyInvalidError("the body is not the base64 that the event says it is") from None


def _response(response: Response) -> dict[str, Any]:
    return {"statusCode": response.status, "headers": dict(response.headers), "body": response.body.decode()}
