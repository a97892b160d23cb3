"""HTTP requests to a running engine, with failures put into words. Knows the keys to show, and no command."""

from __future__ import annotations

import contextlib
import json
import shlex
import urllib.parse
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, cast

import httpx

from inngest_core.errors import BodyInvalidError, ConfigError
from inngest_core.protocol.signing import SigningKey
from inngest_core.protocol.wire import parse_json

from .defaults import DEFAULT_PORT, DEFAULT_URL, LOOPBACK
from .errors import CommandError, NotThereError, RefusedError, UsageError
from .keys import split_keys

Query = Sequence[tuple[str, str]]
TIMEOUT_SECONDS = 30.0
_PREPARATION_SECONDS = 3600.0
"""What an engine may take before it begins to send something large."""
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
    def of(
        cls, url: str | None, environ: Mapping[str, str], signing_key: str | None = None, event_key: str | None = None
    ) -> Remote:
        """Return the engine at *url*, else the one that the environment names, else the local one.

        signing_key, event_key: those to show; by default those of the environment. Raises UsageError.
        """
        named = environ.get("INNGEST_DEV", "")
        origin = url or environ.get("INNGEST_BASE_URL") or (named if "://" in named else DEFAULT_URL)
        if not is_url(origin):
            raise UsageError(f"--url {origin!r} is not a URL; write it as in {DEFAULT_URL}")
        event_keys = split_keys(event_key or environ.get("INNGEST_EVENT_KEY"))
        url_option = f" --url {shlex.quote(url)}" if url else ""
        return cls(
            origin.rstrip("/"),
            event_keys[0] if event_keys else NO_EVENT_KEY,
            signing_key or environ.get("INNGEST_SIGNING_KEY") or None,
            url_option,
            None if signing_key else environ.get("INNGEST_TOKEN") or None,
        )

    def get(self, path: str, query: Query = ()) -> Any:
        """Return the JSON at *path*. Raises CommandError, and NotThereError when there is nothing."""
        where = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        return _parse(self.exchange("GET", where), self.origin, path)

    def post(self, path: str, value: object) -> Any:
        """Send JSON to *path*, and return that of the answer. Raises as `get`."""
        return _parse(self.exchange("POST", path, json.dumps(value).encode()), self.origin, path)

    def data(self, path: str, query: Query = ()) -> Any:
        """Return what a route of the API has to say, without what is around it; None when it is nothing."""
        return _object(self.get(path, query)).get("data")

    def exchange(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        """Send a request with the keys, and return the answer, whatever it is. Raises CommandError: there is none."""
        with self._open(method, path, body) as answer:
            answer.read()
            return answer

    def download(self, path: str, content_type: str, target: IO[bytes]) -> int:
        """Write what is at *path* to a file, and return how many bytes that is. Raises as `get`."""
        with self._open("GET", path, timeout=httpx.Timeout(TIMEOUT_SECONDS, read=_PREPARATION_SECONDS)) as answer:
            if not answer.is_success or answer.headers.get("content-type") != content_type:
                answer.read()
                _parse(answer, self.origin, path)
                raise CommandError(f"{self.origin} is not an engine, or one without {path}: it answers with JSON")
            return sum(target.write(chunk) for chunk in answer.iter_bytes())

    @contextlib.contextmanager
    def _open(
        self, method: str, path: str, body: bytes | None = None, timeout: httpx.Timeout | float = TIMEOUT_SECONDS
    ) -> Generator[httpx.Response]:
        """Send a request, and lend the answer before its body is read. Raises CommandError, also for that."""
        headers = {"content-type": "application/json", **self.headers()}
        try:
            with (
                httpx.Client(trust_env=False, timeout=timeout) as client,
                client.stream(method, self.origin + path, content=body, headers=headers) as answer,
            ):
                yield answer
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise CommandError(
                f"no engine is running at {self.origin} ({_cause(error)}); "
                f"start one with `inngest dev module:app{self._port_option()}`, or name another with --url"
            ) from None
        except httpx.HTTPError as error:
            raise CommandError(f"the engine at {self.origin} did not answer ({_cause(error)})") from None

    def headers(self) -> dict[str, str]:
        """Return the headers that show the engine a key. Raises UsageError."""
        if self.token:
            return {"authorization": f"Bearer {self.token}"}
        return {"authorization": _bearer(self.signing_key)} if self.signing_key else {}

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


def _parse(answer: httpx.Response, origin: str, path: str) -> Any:
    if answer.status_code == 401:
        raise CommandError(
            f"the engine at {origin} asks for a key, and got another one or none: set INNGEST_EVENT_KEY for sending, "
            "and INNGEST_SIGNING_KEY or INNGEST_TOKEN for everything else"
        )
    try:
        value = parse_json(answer.content)
    except BodyInvalidError:
        kind = answer.headers.get("content-type", "nothing")
        raise CommandError(
            f"{origin} is not an engine, or one without {path}: it answers {answer.status_code} with {kind}, "
            "expected JSON"
        ) from None
    said = _complaint(_object(value))
    # Some engines answer 200 to questions about what they do not know, with the status in the body.
    if answer.is_success and not said:
        return value
    said = said or f"{answer.status_code} {value}"
    kind = NotThereError if answer.status_code == 404 else RefusedError
    raise kind(f"the engine at {origin} refused: {said}", said)


def _complaint(value: Mapping[str, Any]) -> str:
    """Return what an engine says is wrong, in either of the shapes of its errors; nothing when all is well."""
    errors = value.get("errors")
    if isinstance(errors, list):
        return "; ".join(str(_object(error).get("message")) for error in cast("list[object]", errors))
    return str(value.get("error") or "")


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
