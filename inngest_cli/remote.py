"""HTTP requests to a running engine, with failures put into words."""

from __future__ import annotations

import json
import shlex
import sys
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

import httpx

from inngest_core.errors import BodyInvalidError, ConfigError
from inngest_core.protocol.signing import SigningKey
from inngest_core.protocol.wire import json_kind, parse_json

from .defaults import DEFAULT_PORT, DEFAULT_URL, LOOPBACK
from .errors import CommandError, UsageError
from .keys import split_keys

TIMEOUT_SECONDS = 30.0
NO_EVENT_KEY = "NO_EVENT_KEY_SET"


def is_url(text: str) -> bool:
    """Tell whether *text* is a URL that can be asked."""
    try:
        parts = urllib.parse.urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Remote:
    """An engine, and the keys to show it. url_option: what another command needs to reach the same engine."""

    origin: str
    event_key: str = field(repr=False)
    signing_key: str | None = field(repr=False)
    url_option: str = ""
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str | None, environ: Mapping[str, str]) -> Remote:
        """Return the engine at *url*, else the one that the environment names, else the local one."""
        named = environ.get("INNGEST_DEV", "")
        origin = url or (named if "://" in named else DEFAULT_URL)
        if not is_url(origin):
            raise UsageError(f"--url {origin!r} is not a URL; write it as in {DEFAULT_URL}")
        event_keys = split_keys(environ.get("INNGEST_EVENT_KEY"))
        url_option = f" --url {shlex.quote(url)}" if url else ""
        return cls(
            origin.rstrip("/"),
            event_keys[0] if event_keys else NO_EVENT_KEY,
            environ.get("INNGEST_SIGNING_KEY") or None,
            url_option,
            environ.get("INNGEST_TOKEN") or None,
        )

    def get(self, path: str) -> Any:
        """Return the JSON at *path*; None when there is nothing. Raises CommandError."""
        return self._exchange("GET", path, None)

    def post(self, path: str, value: object) -> Any:
        return self._exchange("POST", path, json.dumps(value).encode())

    def _exchange(self, method: str, path: str, body: bytes | None) -> Any:
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        elif self.signing_key:
            headers["authorization"] = _bearer(self.signing_key)
        try:
            with httpx.Client(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
                answer = client.request(method, self.origin + path, content=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise CommandError(
                f"no engine is running at {self.origin} ({_cause(error)}); "
                f"start one with `inngest dev module:app{self._port_option()}`, or name another with --url"
            ) from None
        except httpx.HTTPError as error:
            raise CommandError(f"the engine at {self.origin} did not answer ({_cause(error)})") from None
        if answer.status_code == 404:
            return None
        return _parse(answer, self.origin)

    def _port_option(self) -> str:
        """Return the option that starts an engine at this very origin, where that is on this machine."""
        parts = urllib.parse.urlsplit(self.origin)
        elsewhere = parts.port is not None and parts.port != DEFAULT_PORT and parts.hostname in LOOPBACK
        return f" --port {parts.port}" if elsewhere else ""


def _bearer(key: str) -> str:
    try:
        return SigningKey(key).bearer()
    except ConfigError:
        raise UsageError("INNGEST_SIGNING_KEY is not hexadecimal; set it to the key of the engine") from None


def _cause(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _parse(answer: httpx.Response, origin: str) -> Any:
    try:
        value = parse_json(answer.content)
    except BodyInvalidError:
        kind = answer.headers.get("content-type", "nothing")
        raise CommandError(
            f"{origin} is not an engine: it answers {answer.status_code} with {kind}, expected JSON"
        ) from None
    if answer.is_success:
        return value
    if answer.status_code == 401:
        raise CommandError(
            f"the engine at {origin} asks for a key, and got another one or none: set INNGEST_EVENT_KEY for sending, "
            "and INNGEST_SIGNING_KEY or INNGEST_TOKEN for everything else"
        )
    said = cast("dict[str, Any]", value).get("error") if isinstance(value, dict) else None
    raise CommandError(f"the engine at {origin} refused with {answer.status_code}: {said or value}")


def send(remote: Remote, name: str, data: str) -> int:
    """Send one event and print its id."""
    event = {"name": name, "data": _parse_data(sys.stdin.read() if data == "-" else data)}
    answer = remote.post(f"/e/{quote(remote.event_key, safe='')}", event)
    ids = answer.get("ids") if isinstance(answer, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not ids:
        raise CommandError(f"{remote.origin} is not an engine: it accepted no event")
    print(f"sent {name} {ids[0]}")
    print(f"see its runs with: inngest runs --event {ids[0]}{remote.url_option}")
    return 0


def _parse_data(text: str) -> dict[str, Any]:
    example = """write it as in '{"id": 1}'"""
    try:
        value = parse_json(text.encode("utf-8", "surrogateescape"))
    except BodyInvalidError as error:
        raise UsageError(f"DATA_JSON {text!r}: {error.message}; {example}") from None
    if not isinstance(value, dict):
        raise UsageError(f"DATA_JSON {text!r} is a JSON {json_kind(value)}, expected an object; {example}")
    return cast("dict[str, Any]", value)
