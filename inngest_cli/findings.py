"""What `inngest doctor` finds, and the questions that it asks over HTTP. Judges nothing."""

from __future__ import annotations

import email.utils
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import Header, parse_json
from inngest_devserver.json_parts import mapping

_SECONDS = 10.0
CLOCK_SECONDS = 30.0
"""How far clocks may be apart before it is told; signatures are refused from 300 seconds on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. check: its name. says: what was seen, in a sentence. fix: what to do, when something is wrong."""

    check: str
    says: str
    fix: str = ""

    @property
    def is_fine(self) -> bool:
        return not self.fix

    def dump(self) -> dict[str, Any]:
        """Return it for programs."""
        found: dict[str, Any] = {"check": self.check, "ok": self.is_fine, "says": self.says}
        return found if self.is_fine else {**found, "fix": self.fix}


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer. body: its JSON if that is an object, else empty. is_json: whether it was JSON at all."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    is_json: bool
    received: float

    @property
    def is_of_an_sdk(self) -> bool:
        return Header.SDK in self.headers or Header.SDK_HANDLED in self.headers

    def in_words(self) -> str:
        """Return what the answer was, for people."""
        where = self.headers.get("location")
        if where:
            return f"{self.status}, to {shown(where)}"
        return f"{self.status} with {self.headers.get('content-type') or 'nothing'}"

    def clock(self, whose: str) -> list[Finding]:
        """Return what is wrong with the clock of the machine that answered, if anything is."""
        date = self.headers.get("date")
        try:
            there = email.utils.parsedate_to_datetime(date).timestamp() if date else None
        except ValueError:
            there = None
        apart = 0.0 if there is None else there - self.received
        if abs(apart) <= CLOCK_SECONDS:
            return []
        side = "ahead of" if apart > 0 else "behind"
        return [
            Finding(
                "clock",
                f"the clock of {whose} is {abs(apart):.0f} s {side} that of this machine, and signatures are refused "
                "when clocks are 300 s apart",
                "set both clocks by NTP, as with `timedatectl set-ntp true`",
            )
        ]


class NoAnswerError(Exception):
    """Nothing answered; the message says why. refused: nothing listens there."""

    def __init__(self, why: str, *, refused: bool) -> None:
        super().__init__(why)
        self.refused = refused


def look(url: str, headers: Mapping[str, str] | None = None) -> Seen:
    """Ask with a GET, and follow no redirect, as engines do. Raises NoAnswerError."""
    try:
        with httpx.Client(trust_env=False, timeout=_SECONDS) as client:
            answer = client.get(url, headers={"accept": "application/json", **(headers or {})})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        refused = isinstance(error, httpx.ConnectError)
        raise NoAnswerError(str(error) or type(error).__name__, refused=refused) from None
    try:
        value, is_json = parse_json(answer.content), True
    except BodyInvalidError:
        value, is_json = None, False
    return Seen(answer.status_code, dict(answer.headers), mapping(value), is_json, time.time())


def shown(url: str) -> str:
    """Return a URL without what may be secret in it: a password, a query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def with_path(url: str, path: str) -> str:
    """Return a URL of the same host with another path."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, "", ""))
