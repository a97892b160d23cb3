"""Requests to the engine's own API, signed in by key: the full state of a run, registration. Nothing is decided here.

Source: protocol §2, §3, B0, C1.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from .config import Config
from .errors import BodyInvalidError, StateFetchError
from .protocol.signing import SigningKey
from .protocol.wire import REQUEST_VERSION, SDK, Header, Query, dump_json, parse_json
from .runtime.effects import Flow, fetch
from .web.messages import HTTPRequest, HTTPResponse, TransportError

TIMEOUT_SECONDS = 30.0

_KEY_REFUSED = (401, 403)


@dataclass(slots=True)
class WorkingKey:
    """Remembers the signing key that the engine accepted last; one per client, shared by its requests."""

    key: SigningKey | None = None


def sdk_headers(config: Config, framework: str = "") -> dict[str, str]:
    """Return the headers that say who speaks: on every request to an engine and on every answer (protocol §2)."""
    headers = {
        Header.SDK.value: SDK,
        Header.USER_AGENT.value: SDK,
        Header.REQUEST_VERSION.value: REQUEST_VERSION,
        Header.EXPECTED_SERVER_KIND.value: config.mode.value,
    }
    if framework:
        headers[Header.FRAMEWORK.value] = framework
    if config.platform is not None:
        headers[Header.PLATFORM.value] = config.platform
    if config.env is not None:
        headers[Header.ENV.value] = config.env
    return headers


def trace_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of a call request that go along with the requests made during it (protocol §2)."""
    pair = (Header.TRACEPARENT.value, Header.TRACESTATE.value)
    return {name: headers[name] for name in pair if name in headers and headers[name].isascii()}


def api_fetch(
    method: str,
    path: str,
    *,
    config: Config,
    working_key: WorkingKey,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Flow[HTTPResponse]:
    """Exchange one request with the engine's API; when the key is refused, once more with the other key.

    path: begins with a slash, query included. The key that works is kept in *working_key*.
    Raises TransportError; ConfigError: a key that is not hexadecimal.
    """
    request = HTTPRequest(
        method=method,
        url=config.api_origin + path,
        headers={**sdk_headers(config), **(headers or {})},
        body=body,
        timeout=timeout_seconds,
    )
    first, second = _keys_to_try(config, working_key)
    response = yield from fetch(_authorized(request, first))
    if response.status in _KEY_REFUSED and second is not None:
        response = yield from fetch(_authorized(request, second))
        if response.status not in _KEY_REFUSED:
            working_key.key = second
    return response


def _keys_to_try(config: Config, working_key: WorkingKey) -> tuple[SigningKey | None, SigningKey | None]:
    keys = config.signing_keys
    if keys is None:
        return None, None
    if keys.fallback is not None and working_key.key == keys.fallback:
        return keys.fallback, keys.key
    return keys.key, keys.fallback


def _authorized(request: HTTPRequest, key: SigningKey | None) -> HTTPRequest:
    if key is None:
        return request
    return replace(request, headers={**request.headers, Header.AUTHORIZATION.value: key.bearer()})


def fetch_state(
    run_id: str, *, config: Config, working_key: WorkingKey, headers: Mapping[str, str], timeout_seconds: float
) -> Flow[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return all memos of a run by hashed id, and its events: what a call request holds without `use_api`.

    headers: added to the common ones. timeout_seconds: for each of the two requests. Raises StateFetchError.
    """

    def get(part: str) -> Flow[Any]:
        path = f"/v0/runs/{urllib.parse.quote(run_id, safe='', errors='replace')}/{part}"
        try:
            response = yield from api_fetch(
                "GET", path, config=config, working_key=working_key, headers=headers, timeout_seconds=timeout_seconds
            )
            if response.status != 200:
                raise StateFetchError(f"GET {config.api_origin}{path}: {refusal(response)}")
            return parse_json(response.body)
        except (TransportError, BodyInvalidError) as error:
            raise StateFetchError(f"GET {config.api_origin}{path}: {error}") from error

    memos: object = yield from get("actions")
    if not isinstance(memos, dict):
        raise StateFetchError(f"the engine's steps of run {run_id} are not a JSON object")
    events: object = yield from get("batch")
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in cast("list[object]", events)):
        raise StateFetchError(f"the engine's events of run {run_id} are not a JSON array of objects")
    return cast("dict[str, Any]", memos), cast("list[dict[str, Any]]", events)


def post_registration(
    registration: Mapping[str, object],
    *,
    config: Config,
    working_key: WorkingKey,
    framework: str = "",
    deploy_id: str = "",
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Flow[HTTPResponse]:
    """Send a registration to the engine (protocol §5); whatever it answers comes back. Raises TransportError."""
    query = "?" + urllib.parse.urlencode({Query.DEPLOY_ID.value: deploy_id}, errors="replace") if deploy_id else ""
    return (
        yield from api_fetch(
            "POST",
            f"/fn/register{query}",
            config=config,
            working_key=working_key,
            headers={**sdk_headers(config, framework), Header.CONTENT_TYPE.value: "application/json"},
            body=dump_json(registration),
            timeout_seconds=timeout_seconds,
        )
    )


def refusal(response: HTTPResponse) -> str:
    """Return one line that says what the engine answered: the status, and its reason or the start of the body."""
    reason: object = None
    try:
        answer: object = parse_json(response.body)
    except BodyInvalidError:
        answer = None
    if isinstance(answer, dict):
        fields = cast("dict[str, object]", answer)
        reason = fields.get("error") or fields.get("message")
    if not isinstance(reason, str):
        reason = response.body[:200].decode(errors="replace")
    return f"the engine answered {response.status}: {reason.strip() or 'no reason given'}"
