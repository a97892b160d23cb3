"""What an app's answer to a call request means. Pure: no state, no clock, no I/O.

The rules: docs/protocol.md, "Call requests", "Retries and errors" and "Streaming".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.protocol.wire import Header, parse_json
from inngest_devserver import fragments

from .ops import Op, OpsInvalidError, parse_ops

NO_RETRY_REASON = "NonRetriableError"
_BODY_KEY = b',"body":'
_SHOWN = 2000
"""Characters of an unreadable body that go into an error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP. headers: lower-case names. body: decoded, at most one byte over the cap."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_from_sdk(self) -> bool:
        """Whether an SDK answered, if only to refuse an unsigned request."""
        return bool(self.headers.get(Header.SDK) or self.headers.get(Header.SDK_HANDLED))


@dataclass(frozen=True, slots=True)
class Stepped:
    """The app reported steps. version: of its requests. no_retry, retry_after: for the steps that raised."""

    ops: list[Op]
    version: int
    no_retry: bool
    retry_after: str | None


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned. output: JSON."""

    output: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """The attempt failed. output: what the app said. reason: in one line. final: do not try again."""

    output: object
    reason: str
    final: bool = False
    retry_after: str | None = None


Outcome = Stepped | Returned | Raised


def _believe(_: Answer) -> str:
    return ""


def read_answer(answer: Answer, now: float, asked: str, refusal: Callable[[Answer], str] = _believe) -> Outcome:
    """Return what *answer* means at the Unix time *now*.

    asked: what the app was asked for, in words.
    refusal: says why a success must not be believed, or nothing; a failure is a failure, whoever says so.
    """
    if len(answer.body) > MAX_RESPONSE_BYTES:
        return _failed("output_too_large", f"asked for {asked}, the app answered more than {MAX_RESPONSE_BYTES} bytes")
    if answer.status == 201:
        try:
            answer = _open_envelope(answer)
        except (BodyInvalidError, ValueError) as error:
            return _failed("invalid_response", f"the app streamed an answer that cannot be read: {error}")
    return _read(answer, now, asked, refusal)


def _read(answer: Answer, now: float, asked: str, refusal: Callable[[Answer], str]) -> Outcome:
    if 200 <= answer.status < 300:
        if not answer.headers.get(Header.SDK):
            return _failed(
                "not_sdk",
                f"the answer ({answer.status}) has no {Header.SDK} header: this URL is not served by an Inngest SDK",
            )
        if said := refusal(answer):
            return _failed("signature_invalid", said)
        return _read_steps(answer, now, asked) if answer.status == 206 else _read_output(answer)
    return _read_error(answer)


def _read_steps(answer: Answer, now: float, asked: str) -> Outcome:
    if not answer.body.strip():
        return _failed("invalid_response", "no response data")
    try:
        ops = parse_ops(parse_json(answer.body), now, asked)
    except OpsInvalidError as error:
        return _failed(error.name, str(error), final=error.final)
    except (BodyInvalidError, ValueError) as error:
        return _failed("invalid_response", f"the steps that the app reported cannot be read: {error}")
    return Stepped(ops, version_of(answer.headers), _no_retry(answer), answer.headers.get(Header.RETRY_AFTER))


def _read_output(answer: Answer) -> Outcome:
    output = parse_output(answer.body)
    if _no_retry(answer) or answer.headers.get(Header.RETRY_AFTER):
        # Other engines fail such a run, whatever its output: it is better to find out here.
        return Raised(fragments.load(output), "a 200 answer must not ask for retries or forbid them", final=True)
    return Returned(output)


def _read_error(answer: Answer) -> Outcome:
    final = _no_retry(answer)
    retry_after = answer.headers.get(Header.RETRY_AFTER)
    reason = NO_RETRY_REASON if final else f"invalid status code: {answer.status}"
    output: object = fragments.load(parse_output(answer.body))
    if not answer.is_from_sdk:
        text = answer.body.decode(errors="replace")[:_SHOWN]
        output = {"name": "Error", "message": f"Server returned a fatal error ({answer.status}): {text}"}
    return Raised(output, reason, final=final, retry_after=retry_after)


def parse_output(body: bytes) -> bytes:
    """Return the JSON of what a 200 answer says: plain text is a string, a string that holds an object the object."""
    if not body.strip():
        return fragments.NULL
    try:
        value = parse_json(body)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = _object_in(value)
        return fragments.dump(value)
    except (BodyInvalidError, ValueError):
        return fragments.dump(body.decode(errors="replace"))


def _object_in(text: str) -> object:
    try:
        value = parse_json(text.encode())
    except (BodyInvalidError, UnicodeEncodeError):
        return text
    return cast("object", value) if isinstance(value, dict) else text


def _open_envelope(answer: Answer) -> Answer:
    """Return the answer inside a streamed one: `{"status", "headers", "body"}` after white space."""
    envelope = parse_json(answer.body.strip())
    if not isinstance(envelope, dict):
        raise ValueError("the envelope is not an object")
    fields = cast("dict[str, Any]", envelope)
    status = fields.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        raise ValueError("the envelope has no status")
    inner = fields.get("headers")
    headers = dict(answer.headers)
    if isinstance(inner, dict):
        headers.update({str(key).lower(): str(value) for key, value in cast("dict[str, object]", inner).items()})
    if fields.get("error"):
        return Answer(500, headers, fragments.dump(fields["error"]))
    body = fields.get("body")
    return Answer(status, headers, body.encode() if isinstance(body, str) else _body_as_sent(answer.body, body))


def _body_as_sent(envelope: bytes, body: object) -> bytes:
    """Return the JSON of a body that is not a string in its envelope: as it was sent, if it comes last."""
    sent = envelope.strip().partition(_BODY_KEY)[2].removesuffix(b"}")
    try:
        if parse_json(sent) == body:
            return sent
    except BodyInvalidError:
        pass
    return fragments.dump(body)


def version_of(headers: Mapping[str, str]) -> int:
    """Return the version of requests that an app speaks; one that names none speaks version 0."""
    text = headers.get(Header.REQUEST_VERSION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _no_retry(answer: Answer) -> bool:
    return answer.headers.get(Header.NO_RETRY, "").lower() == "true"


def _failed(name: str, message: str, *, final: bool = False) -> Raised:
    return Raised({"name": name, "message": message}, message, final=final)
