"""The step tool that makes one HTTP request: asked of the engine, or made in the app, and its answer read.

Engines pass on bodies that are JSON and no others (docs/protocol.md#fetch): what they would change is refused here.
"""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from inngest_core.error_text import kind_of
from inngest_core.errors import BodyInvalidError, ConfigError, FetchError, OutputUnserializableError
from inngest_core.protocol.duration import to_ms
from inngest_core.protocol.limits import MAX_STEP_BYTES
from inngest_core.protocol.wire import Opcode, parse_json
from inngest_core.runtime import effects
from inngest_core.runtime.effects import Flow
from inngest_core.values.serializer import dump
from inngest_core.web.messages import HTTPRequest, HTTPResponse, TransportError

from .tools import StepScope, Tool, check_step_id, step_opts

if TYPE_CHECKING:  # it takes long to load, and most functions fetch nothing
    import httpx

Scalar = str | int | float | bool | None
Params = Mapping[str, Scalar | Sequence[Scalar]] | Sequence[tuple[str, Scalar]] | str
Headers = Mapping[str, str] | Sequence[tuple[str, str]]

TIMEOUT_SECONDS = 30.0
"""For a request that the app makes; how long an engine waits is its own matter."""
_JSON_TYPE = "application/json"
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The names of methods and headers, as HTTP has them."""
_LAST_PORT = 65535
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""What the value of a header cannot hold: a line end would begin another header."""
_OF_THE_CONNECTION = frozenset({"host", "content-length"})
"""Headers that whoever sends a request makes."""
_OF_THE_BYTES = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that do not hold for the body as it is kept: decompressed, in one piece."""


def fetch(
    step_id: str,
    url: str,
    *,
    method: str,
    params: Params | None,
    headers: Headers | None,
    json: object,
    content: str | bytes | None,
    data: Mapping[str, object] | None,
    timeout: int | datetime.timedelta | None,
    offload: bool,
) -> Tool:
    """Make a request once; the result is the answer. Raises ConfigError."""
    step_id = check_step_id(step_id)
    what = f'step "{step_id}"'
    if not isinstance(cast("object", offload), bool):
        raise ConfigError(f"{what}: offload is {offload!r}; give True or False")
    request = _build(what, url, method, params, headers, json, content, data)

    def read(memo: Any) -> httpx.Response:
        return _read(what, request.method, memo)

    if not offload:
        seconds = TIMEOUT_SECONDS if timeout is None else _seconds(what, timeout)

        def work(scope: StepScope) -> Flow[object]:
            return _fetch_here(request, seconds)

        return Tool(Opcode.STEP_RUN, step_id, step_id, read, step_opts(type="step.fetch"), work=work)
    if timeout is not None:
        raise ConfigError(
            f"{what}: timeout is {timeout!r}, but the engine makes the request and decides how long it waits; leave "
            "timeout out, or give offload=False to make the request in the app"
        )
    opts: dict[str, object] = {"url": str(request.url), "method": request.method, "headers": _headers(request)}
    if request.content:
        opts["body"] = _offloaded_body(what, request.content)
    return Tool(Opcode.GATEWAY, step_id, "", read, step_opts(**opts))


def _build(
    what: str,
    url: str,
    method: str,
    params: Params | None,
    headers: Headers | None,
    json: object,
    content: str | bytes | None,
    data: Mapping[str, object] | None,
) -> httpx.Request:
    """Return the request as httpx would send it; raises ConfigError."""
    import httpx

    given = [name for name, value in (("json", json), ("content", content), ("data", data)) if value is not None]
    if len(given) > 1:
        raise ConfigError(f"{what}: {' and '.join(given)} are given; give one body")
    _check(what, url, method, content, data, params)
    try:
        made = httpx.Headers(cast("Any", headers))
        if json is not None:
            content = dump(json, f"{what}: json", fix="give JSON values, or models", limit=MAX_STEP_BYTES).body
            made.setdefault("content-type", _JSON_TYPE)
        fields: Any = {"params": params, "headers": made, "content": content, "data": data}
        request = httpx.Request(method, url, **fields)
        usable = request.url.scheme in ("http", "https") and request.url.host and _is_port(request.url.port)
    except (httpx.InvalidURL, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{what}: the request cannot be made: {error}") from None
    if not usable:
        raise ConfigError(f"{what}: url is {url!r}; give an absolute one, such as https://api.example.com/people")
    request.read()
    for name, value in request.headers.raw:
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise ConfigError(f"{what}: headers: {name.decode('latin-1')!r} cannot be sent; give a name and one line")
    return request


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port <= _LAST_PORT


def _check(what: str, url: object, method: object, content: object, data: object, params: object) -> None:
    """Raise ConfigError for arguments that httpx would take, and fail to send, or fail with an error that says less."""
    if not isinstance(url, str):
        raise ConfigError(f"{what}: url is {url!r}; give a text")
    if not isinstance(method, str) or not _TOKEN.fullmatch(method.encode("utf-8", "replace")):
        raise ConfigError(f'{what}: method is {method!r}; give the name of a method, such as "POST"')
    if content is not None and not isinstance(content, str | bytes):
        raise ConfigError(f"{what}: content is {kind_of(content)}; give a text or bytes")
    if isinstance(params, bytes):
        raise ConfigError(f"{what}: params is {params!r}; give a text, a dict, or a list of pairs")
    if data is not None and not isinstance(data, Mapping):
        raise ConfigError(f"{what}: data is {kind_of(data)}; give the fields of a form as a dict, or content=")


def _headers(request: httpx.Request) -> dict[str, str]:
    """Return the headers that an engine is to send: one text for each name."""
    joined: dict[str, str] = {}
    for raw, value in request.headers.multi_items():
        if raw not in _OF_THE_CONNECTION:
            joined[raw] = f"{joined[raw]}, {value}" if raw in joined else value
    return joined


def _offloaded_body(what: str, content: bytes) -> str:
    """Return a body as an engine sends it unchanged; raises ConfigError."""
    try:
        parse_json(content)
    except BodyInvalidError:
        raise ConfigError(
            f"{what}: the body is not JSON, and engines send any other body as a JSON string, in quotes; give json=, "
            "or offload=False to make the request in the app"
        ) from None
    if len(content) > MAX_STEP_BYTES:
        raise ConfigError(f"{what}: the body is {len(content):,} bytes; engines take {MAX_STEP_BYTES:,} at most")
    return content.decode()


def _seconds(what: str, timeout: int | datetime.timedelta) -> float:
    try:
        return to_ms(timeout) / 1000
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what}: timeout: {error}") from None


def _fetch_here(request: httpx.Request, seconds: float) -> Flow[object]:
    """Make a request in the app; the result has the form of an engine's, and keeps bytes besides."""
    outgoing = HTTPRequest(
        request.method,
        str(request.url),
        _headers(request),
        request.content,
        timeout=seconds,
        max_response_bytes=MAX_STEP_BYTES,
        follow_redirects=True,
    )
    try:
        response: HTTPResponse = yield effects.Fetch(outgoing)
    except TransportError as error:
        raise FetchError(str(error)) from None
    answer: dict[str, object] = {
        "url": response.url,
        "status_code": response.status,
        "headers": dict(response.headers),
    }
    try:
        return {**answer, "body": response.body.decode()}
    except UnicodeDecodeError:
        return {**answer, "body": base64.b64encode(response.body).decode(), "encoding": "base64"}


def _read(what: str, method: str, memo: Any) -> httpx.Response:
    """Return the answer in a memo; raises OutputUnserializableError."""
    import httpx

    try:
        body: str = memo["body"]
        encoded = memo.get("encoding") == "base64"
        headers = {name: value for name, value in memo["headers"].items() if name.lower() not in _OF_THE_BYTES}
        response = httpx.Response(
            memo["status_code"],
            headers=httpx.Headers(headers, encoding="utf-8"),
            content=base64.b64decode(body) if encoded else body.encode("utf-8", "surrogatepass"),
            request=httpx.Request(method, memo["url"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError, httpx.InvalidURL) as error:
        raise OutputUnserializableError(f"the result of {what} is not the answer to a request: {error!r}") from None
    if not encoded:
        response.encoding = "utf-8"  # whatever it was encoded in when it was sent
    return response
