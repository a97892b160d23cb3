"""The engine's API as one client uses it: who asks, with which key, where, and for how long.

A new endpoint is a method that calls `fetch` or `post` and reads the answer. Nothing here decides what an answer means
for a run; sending events, with its retries, is in `events`. See docs/protocol.md#engine-api.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from .config import DEV_EVENT_KEY, Config, Mode
from .errors import BodyInvalidError, EventKeyMissingError, RegistrationError, StateFetchError
from .protocol.limits import MAX_STATE_ANSWER_BYTES
from .protocol.signing import SigningKey
from .protocol.wire import REQUEST_VERSION, SDK, Header, Query, dump_json, parse_json, parse_object
from .runtime.effects import Call, Flow, Random, Sleep, fetch, now
from .runtime.interceptors import interceptors_of
from .web.messages import HTTPRequest, HTTPResponse, TransportError

TIMEOUT_SECONDS = 30.0
SAVE_SECONDS = 10.0
"""For one try to save steps: the function waits for it, and so does the engine for the function."""
MAX_TRIES = 5
BACK_OFF_SECONDS = 0.1
"""Before the second try; doubled for each one after it."""

_KEY_REFUSED = (401, 403)
_PASSED_ON = (Header.TRACEPARENT.value, Header.TRACESTATE.value)
_JSON: Mapping[str, str] = {Header.CONTENT_TYPE.value: "application/json"}


def sdk_headers(config: Config, framework: str = "") -> dict[str, str]:
    """Return the headers that say who speaks: they go on every request to an engine and on every answer."""
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
    """Return the headers of a call request that are passed on with requests made during that call."""
    return {name: headers[name] for name in _PASSED_ON if name in headers and headers[name].isascii()}


class EngineAPI:
    """Makes requests to an engine's API; remembers which of the two signing keys it accepted last."""

    def __init__(self, config: Config, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """config: origins, keys and who asks. timeout_seconds: for each request, until all of its answer is there."""
        self.config = config
        self.timeout_seconds = timeout_seconds
        self._working_key: SigningKey | None = None

    # Endpoints

    def register(
        self, registration: Mapping[str, object], *, framework: str = "", deploy_id: str = ""
    ) -> Flow[dict[str, Any]]:
        """Register an app and return what the engine answered.

        registration: JSON values. framework: sent as a header. deploy_id: passed on in the query when there is one.
        Raises RegistrationError: refused, not reached, or not answered by an engine. See
        docs/protocol.md#registration.
        """
        query = f"?{urllib.parse.urlencode({Query.DEPLOY_ID.value: deploy_id}, errors='replace')}" if deploy_id else ""
        headers = sdk_headers(self.config, framework)
        try:
            response = yield from self.post(f"/fn/register{query}", registration, headers=headers)
        except TransportError as error:
            raise RegistrationError(f"{error}; {self.hint_of_no_answer()}") from error
        if not 200 <= response.status < 300:
            hint = f"; {self._hint_of_key()}" if response.status in _KEY_REFUSED else ""
            raise RegistrationError(refusal(response) + hint, response.status)
        try:
            fields = parse_object(response.body)
        except BodyInvalidError as error:
            origin = self.config.api_origin
            raise RegistrationError(f"{refusal(response)}; {origin} does not look like an Inngest engine") from error
        if fields.get("ok") is False:
            raise RegistrationError(refusal(response))
        return fields

    def fetch_state(
        self, run_id: str, *, headers: Mapping[str, str]
    ) -> Flow[tuple[dict[str, Any], list[dict[str, Any]], int]]:
        """Return the memos of a run by hashed step id, its events, and the size of the memos as JSON.

        They are what a call request holds without `use_api`.

        headers: added to those of every request. Raises StateFetchError.
        """
        memos, size = yield from self._fetch_part(run_id, "actions", headers)
        if not isinstance(memos, dict):
            raise StateFetchError(f"the engine's steps of run {run_id} are not a JSON object")
        events, _ = yield from self._fetch_part(run_id, "batch", headers)
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in cast("list[object]", events)):
            raise StateFetchError(f"the engine's events of run {run_id} are not a JSON array of objects")
        return cast("dict[str, Any]", memos), cast("list[dict[str, Any]]", events), size

    def post_events(self, body: bytes, *, seed: str, headers: Mapping[str, str] | None = None) -> Flow[HTTPResponse]:
        """Send events once and return whatever the event API answered.

        body: a JSON array of events. seed: "<milliseconds>,<base64 of 10 bytes>", from which event ids are made.
        headers: added to those of every request. Raises EventKeyMissingError, TransportError. See
        docs/protocol.md#sending-events.
        """
        request = HTTPRequest(
            method="POST",
            url=f"{self.config.event_api_origin}/e/{urllib.parse.quote(self.event_key(), safe='')}",
            headers={**sdk_headers(self.config), **(headers or {}), **_JSON, Header.EVENT_ID_SEED.value: seed},
            body=body,
            timeout=self.timeout_seconds,
        )
        return (yield from self._exchange(request))

    def save_steps(self, run_id: str, body: bytes, *, headers: Mapping[str, str]) -> Flow[HTTPResponse]:
        """Save steps of a run while it goes on, once, and return whatever the engine answered.

        body: JSON, as docs/protocol.md#checkpointing says. headers: added to those of every request.
        Raises TransportError; ConfigError when a signing key is not hexadecimal.
        """
        path = f"/v1/checkpoint/{urllib.parse.quote(run_id, safe='', errors='replace')}/async"
        return self.fetch("POST", path, headers={**headers, **_JSON}, body=body, most_seconds=SAVE_SECONDS)

    def fetch_event(self, event_id: str) -> Flow[dict[str, Any] | None]:
        """Return an event as the engine shows it, None when it has none of that id. Raises StateFetchError.

        event_id: one that sending returned.
        """
        found = yield from self._fetch_data(f"/v1/events/{urllib.parse.quote(event_id, safe='', errors='replace')}")
        return cast("dict[str, Any]", found) if isinstance(found, dict) else None

    def fetch_runs(self, event_id: str) -> Flow[list[dict[str, Any]]]:
        """Return the runs that an event started, none when the engine has none. Raises StateFetchError.

        event_id: one that sending returned.
        """
        path = f"/v1/events/{urllib.parse.quote(event_id, safe='', errors='replace')}/runs"
        found = yield from self._fetch_data(path)
        return cast("list[dict[str, Any]]", found) if isinstance(found, list) else []

    def post_signal(self, body: bytes, *, headers: Mapping[str, str] | None = None) -> Flow[HTTPResponse]:
        """Send a signal once and return whatever the engine answered.

        body: a JSON object with `signal` and `data`. headers: added to those of every request. Raises TransportError.
        See docs/protocol.md#signals.
        """
        return self.fetch("POST", "/v1/signals", headers={**(headers or {}), **_JSON}, body=body)

    def event_key(self) -> str:
        """Return the event key; raises EventKeyMissingError when cloud mode has none.

        Where requests are intercepted, as in tests, none is needed.
        """
        if self.config.event_key is None and interceptors_of(self):
            return DEV_EVENT_KEY
        if self.config.event_key is None:
            raise EventKeyMissingError(
                f"no event key is known, and cloud mode ({self.config.mode_reason}) needs one to send events; "
                "set INNGEST_EVENT_KEY or give Inngest(event_key=), or set INNGEST_DEV=1 to use a dev server"
            )
        return self.config.event_key

    # What every endpoint is made of

    def fetch(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        max_response_bytes: int | None = None,
        most_seconds: float | None = None,
    ) -> Flow[HTTPResponse]:
        """Make one request to the API; when its key is refused, make it once more with the other key.

        path: begins with a slash and includes the query. headers: added to those of every request.
        max_response_bytes: of the answer, decompressed; the default of HTTPRequest when left out.
        most_seconds: a time-out for this request, where it is shorter than that of all requests.
        Raises TransportError; ConfigError when a signing key is not hexadecimal. See docs/protocol.md#signing.
        """
        request = HTTPRequest(
            method=method,
            url=self.config.api_origin + path,
            headers={**sdk_headers(self.config), **(headers or {})},
            body=body,
            timeout=self.timeout_seconds if most_seconds is None else min(most_seconds, self.timeout_seconds),
        )
        if max_response_bytes is not None:
            request = replace(request, max_response_bytes=max_response_bytes)
        first, second = self._keys_to_try()
        response = yield from self._exchange(_authorized(request, first))
        if response.status in _KEY_REFUSED and second is not None:
            response = yield from self._exchange(_authorized(request, second))
            if response.status not in _KEY_REFUSED:
                self._working_key = second
        return response

    def _exchange(self, request: HTTPRequest) -> Flow[HTTPResponse]:
        """Make a request, unless an interceptor answers it; raises TransportError."""
        for interceptor in interceptors_of(self):
            answer: HTTPResponse | None = yield Call(interceptor, (request,), what="an interceptor of requests")
            if answer is not None:
                return answer
        return (yield from fetch(request))

    def stream_request(self, path: str) -> HTTPRequest:
        """Return a request for a stream of events, which a token in its path opens: no key goes along.

        path: begins with a slash and includes the query.
        """
        own = {"accept": "text/event-stream", "accept-encoding": "identity", "cache-control": "no-store"}
        return HTTPRequest(
            method="GET",
            url=self.config.api_origin + path,
            headers={**sdk_headers(self.config), **own},
            timeout=self.timeout_seconds,
        )

    def post(self, path: str, value: object, *, headers: Mapping[str, str] | None = None) -> Flow[HTTPResponse]:
        """Post *value* as JSON; path, headers and errors as in `fetch`."""
        return self.fetch("POST", path, headers={**(headers or {}), **_JSON}, body=dump_json(value))

    def hint_of_no_answer(self) -> str:
        """Return what to look at when the engine gave no answer."""
        reason = f"this app is in {self.config.mode.value} mode because of {self.config.mode_reason}"
        if self.config.mode is Mode.DEV:
            return f"is an engine running there? start one with `inngest dev`, or set INNGEST_DEV to its URL; {reason}"
        return (
            "check that this machine can reach it (DNS, firewall, HTTPS_PROXY), and INNGEST_BASE_URL when the engine "
            f"is self-hosted; {reason}, and INNGEST_DEV=1 is for a dev server"
        )

    def _fetch_data(self, path: str) -> Flow[object]:
        """Return the data of an answer, None for 404. Raises StateFetchError."""
        where = f"GET {self.config.api_origin}{path}"
        try:
            response = yield from self.fetch("GET", path, max_response_bytes=MAX_STATE_ANSWER_BYTES)
            if response.status == 404:
                return None
            if response.status != 200:
                raise StateFetchError(f"{where}: {refusal(response)}")
            return parse_object(response.body).get("data")
        except (TransportError, BodyInvalidError) as error:
            raise StateFetchError(f"{where}: {error}") from error

    def _fetch_part(self, run_id: str, part: str, headers: Mapping[str, str]) -> Flow[tuple[object, int]]:
        path = f"/v0/runs/{urllib.parse.quote(run_id, safe='', errors='replace')}/{part}"
        where = f"GET {self.config.api_origin}{path}"
        try:
            response = yield from self.fetch("GET", path, headers=headers, max_response_bytes=MAX_STATE_ANSWER_BYTES)
            if response.status != 200:
                raise StateFetchError(f"{where}: {refusal(response)}")
            return parse_json(response.body), len(response.body)
        except (TransportError, BodyInvalidError) as error:
            raise StateFetchError(f"{where}: {error}") from error

    def _keys_to_try(self) -> tuple[SigningKey | None, SigningKey | None]:
        keys = self.config.signing_keys
        if keys is None:
            return None, None
        if keys.fallback is not None and self._working_key == keys.fallback:
            return keys.fallback, keys.key
        return keys.key, keys.fallback

    def _hint_of_key(self) -> str:
        if self.config.signing_keys is None:
            return "set INNGEST_SIGNING_KEY"
        return "check that INNGEST_SIGNING_KEY is the key of this environment"


def with_retries(request: Callable[[], Flow[HTTPResponse]], *, seconds: float | None = None) -> Flow[HTTPResponse]:
    """Make a request, and again after 429, 5xx and lost connections; raises TransportError after the last try.

    seconds: after which no other try begins; None for no such limit.
    """
    started = 0.0 if seconds is None else (yield from now())
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            response = yield from request()
        except TransportError:
            if not tries_left or (seconds is not None and (yield from now()) > started + seconds):
                raise
        else:
            if not tries_left or not (response.status == 429 or response.status >= 500):
                return response
        jitter: bytes = yield Random(1)
        doubled = BACK_OFF_SECONDS * 2 ** (MAX_TRIES - 1 - tries_left)
        yield Sleep(doubled * (1 + jitter[0] / 255))
    raise AssertionError("the last try returns or raises")


def _authorized(request: HTTPRequest, key: SigningKey | None) -> HTTPRequest:
    if key is None:
        return request
    return replace(request, headers={**request.headers, Header.AUTHORIZATION.value: key.bearer()})


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
