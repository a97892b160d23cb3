"""HTTP requests that steps leave to the engine: what an op asks for, and what the answer is to the step. Pure.

A kind of op that leads to a request has a line in `PARSERS` and one in `READERS`. The rules: docs/protocol.md, "Fetch".
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.limits import MAX_STEP_BYTES
from inngest_core.protocol.wire import Opcode, json_kind, parse_json
from inngest_devserver import fragments
from inngest_devserver.runs import memos

MAX_FETCHED_BYTES = MAX_STEP_BYTES
"""Of an answer, decompressed: its text becomes the output of a step."""


class RequestInvalidError(ValueError):
    """The options of an op ask for no request that can be made."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a step. op: the kind of step, by which the answer is read. body: what is sent, or empty."""

    op: Opcode
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""

    @property
    def host(self) -> str:
        """Where it goes; the rest of the URL, and the headers, may be secret."""
        return urllib.parse.urlsplit(self.url).hostname or ""

    def dump(self) -> bytes:
        return fragments.dump(asdict(self))


def load_request(fragment: bytes) -> Request:
    """Return the request that was dumped."""
    fields = fragments.load(fragment)
    return Request(Opcode(fields["op"]), fields["method"], fields["url"], fields["headers"], fields["body"])


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. url: where redirects led to. headers: lower-case names. body: decompressed."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The step is done, with this memo. answer: what a model's provider answered, as JSON."""

    memo: bytes
    answer: object = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No use: to be tried again, until attempts run out and the memo is kept.

    final: trying again would bring the same. retry_after: what the other side asked for.
    """

    message: str
    memo: bytes
    final: bool = False
    retry_after: str | None = None


def parse_request(op: Opcode, opts: Mapping[str, Any]) -> Request:
    """Return the request that an op asks for; raises RequestInvalidError."""
    return PARSERS[op](opts)


def _parse_fetch(opts: Mapping[str, Any]) -> Request:
    return Request(
        Opcode.GATEWAY,
        text_of(opts, "method").upper() or "POST",
        url_of(opts),
        headers_of(opts),
        _fetch_body(text_of(opts, "body")),
    )


def _fetch_body(text: str) -> str:
    """Return what is sent for a body: JSON as it is, and any other text as a JSON string."""
    if not text:
        return ""
    try:
        parse_json(text.encode())
    except BodyInvalidError:
        quoted = json.dumps(text, ensure_ascii=False)
        return "".join(f"\\u{ord(each):04x}" if each in "<>&\u2028\u2029" else each for each in quoted)
    return text


def text_of(opts: Mapping[str, Any], key: str) -> str:
    """Return a text among options, empty when it is not given; raises RequestInvalidError."""
    value = opts.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RequestInvalidError(f"opts.{key} is a JSON {json_kind(value)}; expected a string")
    return fragments.text(value)


def url_of(opts: Mapping[str, Any]) -> str:
    """Return the URL among options; raises RequestInvalidError unless it is an absolute one of HTTP."""
    url = text_of(opts, "url")
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise RequestInvalidError("opts.url is not an absolute http or https URL")
    return url


def headers_of(opts: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers among options; raises RequestInvalidError."""
    headers: object = opts.get("headers") or {}
    if not isinstance(headers, dict):
        raise RequestInvalidError(f"opts.headers is a JSON {json_kind(headers)}; expected an object")
    given = cast("dict[str, object]", headers)
    for name, value in given.items():
        if not isinstance(value, str):
            raise RequestInvalidError(f"opts.headers.{name} is a JSON {json_kind(value)}; expected a string")
    return cast("dict[str, str]", given)


def read_fetched(op: Opcode, fetched: Fetched) -> Done | Failed:
    """Return what an answer is to a step of kind *op*."""
    return READERS[op](fetched)


def no_answer(op: Opcode, reason: str, *, final: bool) -> Failed:
    """Return what it is to a step of kind *op* that no answer came."""
    name, message = _NO_ANSWER[op]
    return Failed(reason, memos.error(name, f"{message}: {reason}"), final)


def _read_fetch(fetched: Fetched) -> Done | Failed:
    """Whatever was answered is the result, an error status too."""
    headers = {_canonical(name): value for name, value in fetched.headers.items()}
    body = fetched.body.decode("utf-8", "replace")
    answer = {"url": fetched.url, "status_code": fetched.status, "headers": headers, "body": body}
    return Done(memos.data(fragments.dump(answer)))


def _parse_inference(opts: Mapping[str, Any]) -> Request:
    """Return a request to an AI provider: always a POST of JSON, with the key where the format has it."""
    body = opts.get("body")
    if not isinstance(body, dict):
        raise RequestInvalidError(f"opts.body is a JSON {json_kind(body)}; expected the request as an object")
    key, kind, url = text_of(opts, "auth_key"), text_of(opts, "format"), url_of(opts)
    headers = {name.lower(): value for name, value in headers_of(opts).items()}
    headers.setdefault("content-type", "application/json")
    if key and kind == "gemini":
        url += ("&" if urllib.parse.urlsplit(url).query else "?") + urllib.parse.urlencode({"key": key})
    elif key:
        name, value = _KEYS.get(kind, ("authorization", "Bearer {}"))
        headers.setdefault(name, value.format(key))
    return Request(Opcode.AI_GATEWAY, "POST", url, headers, fragments.dump(cast("object", body)).decode())


_KEYS = {"anthropic": ("x-api-key", "{}"), "bedrock": ("authorization", "{}")}
"""The header for the key, by format, where it is another than the usual one."""


def _read_inference(fetched: Fetched) -> Done | Failed:
    """Return what a provider's answer is: its JSON, or an error that can be read."""
    text = fetched.body.decode("utf-8", "replace")
    try:
        answer: object = parse_json(fetched.body)
    except BodyInvalidError:
        answer = None
        reason = f"the answer ({fetched.status}) is not JSON: {text[:_SHOWN]}"
    else:
        reason = ""
    if fetched.status > 299:
        reason = f"unsuccessful status code: {fetched.status}"
    if not reason:
        return Done(memos.data(fragments.dump(answer)), answer)
    fields = {"name": "AIGatewayError", "message": f"{_NO_INFERENCE}: {reason}", "data": answer, "stack": text[:_KEPT]}
    memo = fragments.wrap("error", fragments.dump(fields))
    return Failed(reason, memo, retry_after=fetched.headers.get("retry-after"))


_NO_INFERENCE = "Error making AI request"
_SHOWN, _KEPT = 200, 64 * 1024
"""Characters of an answer that cannot be used: in the message, and beside it."""


def _canonical(name: str) -> str:
    """Return the name of a header as engines spell it, such as Content-Type."""
    return "-".join(part.capitalize() for part in name.split("-"))


PARSERS: Mapping[Opcode, Callable[[Mapping[str, Any]], Request]] = {
    Opcode.GATEWAY: _parse_fetch,
    Opcode.AI_GATEWAY: _parse_inference,
}
"""How the options of an op become a request."""
READERS: Mapping[Opcode, Callable[[Fetched], Done | Failed]] = {
    Opcode.GATEWAY: _read_fetch,
    Opcode.AI_GATEWAY: _read_inference,
}
"""How an answer becomes the memo of a step."""
_NO_ANSWER: Mapping[Opcode, tuple[str, str]] = {
    Opcode.GATEWAY: ("GatewayError", "Error making gateway request"),
    Opcode.AI_GATEWAY: ("AIGatewayError", _NO_INFERENCE),
}
"""The name and the message of the error when no answer came."""
