"""Signals: a name for which one run waits, and the flow that sends one. See docs/protocol.md#signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from .engine_api import EngineAPI, refusal
from .errors import BodyInvalidError, ConfigError, SendSignalError
from .protocol.limits import MAX_STEP_BYTES
from .protocol.wire import dump_json, parse_object
from .runtime.effects import Flow
from .values.json_text import is_unicode
from .values.serializer import Serializer, dump
from .web.messages import HTTPResponse, TransportError

OnConflict = Literal["fail", "replace"]
"""What happens to a wait for a signal that another run waits for: it fails its run, or it takes the signal over."""

_NOBODY_WAITS = 404


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that was waited for."""

    signal: str
    """Its name."""
    data: Any = None
    """What came with it: JSON values."""


def send_signal(
    signal: str,
    data: object,
    *,
    engine_api: EngineAPI,
    serializer: Serializer | None = None,
    headers: Mapping[str, str] | None = None,
) -> Flow[str | None]:
    """Send a signal and return the id of the run that waited for it; None when none did.

    It is sent once: an engine that did not answer may have taken it, and a second try could end another wait.
    headers: added to those of every request.
    Raises ConfigError: no name. OutputUnserializableError: data that is not JSON. SendSignalError: the engine refused
    the signal, or gave no answer.
    """
    check_signal(signal, "signal")
    what = f'signal "{signal}": data'
    written = dump(data, what, serializer=serializer, fix="give JSON values", limit=MAX_STEP_BYTES)
    body = b'{"data":' + written.body + b',"signal":' + dump_json(signal) + b"}"
    try:
        response = yield from engine_api.post_signal(body, headers=headers)
        return _run_of(response, signal)
    except TransportError as error:
        raise SendSignalError(
            f'signal "{signal}": {error}; it may have been sent all the same; {engine_api.hint_of_no_answer()}'
        ) from error


def _run_of(response: HTTPResponse, signal: str) -> str | None:
    try:
        answer = parse_object(response.body)
    except BodyInvalidError:
        answer = {}
    if response.status == _NOBODY_WAITS and "signal" in str(answer.get("error")).lower():  # not of a missing route
        return None
    data: object = answer.get("data")
    run_id = cast("dict[str, object]", data).get("run_id") if isinstance(data, dict) else None
    if response.status != 200 or not isinstance(run_id, str):
        raise SendSignalError(f'signal "{signal}": {refusal(response)}')
    return run_id


def check_signal(signal: object, what: str) -> str:
    """Return the name of a signal; raises ConfigError when it is not a string or is empty. what: names it."""
    if not isinstance(signal, str) or not signal or not is_unicode(signal):
        raise ConfigError(f'{what} is {signal!r}; give the name of the signal as a text, such as "order/7/approved"')
    return signal


def check_on_conflict(on_conflict: object, what: str) -> str:
    """Return what to do when another run waits for the signal; raises ConfigError when it is nothing that there is."""
    if on_conflict not in get_args(OnConflict):
        raise ConfigError(f'{what} is {on_conflict!r}; give "fail" or "replace"')
    return str(on_conflict)
