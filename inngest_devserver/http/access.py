"""Who may call the engine's API: no web page from elsewhere, and nobody without a key or the token where it has one.

Knows no route: a route says what it needs.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from inngest_core.errors import ConfigError
from inngest_core.protocol.signing import SigningKey, SigningKeys
from inngest_core.protocol.wire import Header

from .answers import APIError

COOKIE = "inngest_token"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})
"""Names that lead to this machine and nowhere else; the last is what containers call the machine they run on."""


class Need(enum.Enum):
    """What a route asks for.

    NOTHING: it is open, or checks what it is given by itself. APP: apps call it, with the signing key if there is one.
    MANAGE: people and their programs do, with the signing key or the token, if there is one.
    """

    NOTHING = "nothing"
    APP = "app"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Access:
    """hosts: names by which the engine may be reached besides those of this machine; None is any name.

    keys: the signing keys that are asked for. token: what is asked for where managing needs one.
    """

    hosts: frozenset[str] | None = frozenset()
    keys: SigningKeys | None = None
    token: str | None = field(default=None, repr=False)

    def check_sender(self, headers: Mapping[str, str]) -> None:
        """Refuse what a web page sends, also one whose name has been made to lead to this machine (DNS rebinding)."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts is not None and not self._is_allowed(f"//{host}"):
            raise APIError(
                403,
                f"host {host!r} is not allowed; reach the engine by localhost or 127.0.0.1, "
                "or start it with --allowed-host and that name",
            )
        if origin is not None and not self._is_allowed(origin) and not self._is_own(origin, host):
            raise APIError(403, f"origin {origin!r} is not allowed; web pages may not use this engine")

    def _is_allowed(self, url: str) -> bool:
        name = _name_in(url)
        return name in _LOOPBACK or name.endswith(".localhost") or name in (self.hosts or ())

    def _is_own(self, origin: str, host: str) -> bool:
        """Tell whether a page comes from the engine itself. Where any name will do, its keys are what is checked."""
        return self.hosts is None and origin.partition("://")[2] == host

    def check(self, need: Need, headers: Mapping[str, str]) -> None:
        """Refuse a request that does not show what its route needs."""
        if need is Need.NOTHING or self.lets_in(need, headers):
            return
        if need is Need.MANAGE and self.token is not None:
            raise APIError(
                401,
                "Authentication failed: send the engine's token, which it printed at its start, as a bearer token; "
                "a browser gets it with /?token=<token>",
            )
        raise APIError(401, "Authentication failed: send the signing key as a bearer token")

    def lets_in(self, need: Need, headers: Mapping[str, str]) -> bool:
        """Tell whether a request shows what is needed."""
        given = headers.get(Header.AUTHORIZATION, "").removeprefix("Bearer ").strip()
        if self.keys is not None and any(is_one_of(given, _spellings(key)) for key in self.keys.each()):
            return True
        if need is Need.MANAGE and self.has_session(headers):
            return True
        if need is Need.MANAGE and self.token is not None:
            return is_one_of(given, [self.token])
        return self.keys is None

    def has_session(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request comes from a browser that has shown the token or the key."""
        return is_one_of(_cookie(headers), self._sessions())

    def session(self, given: str) -> str:
        """Return what the cookie of a browser holds that has shown *given*, which lets it in.

        Made of the token or of the key that is signed with now, neither of which can be got back from it. It lasts as
        long as they do.
        """
        if self.token is not None and is_one_of(given, [self.token]):
            return _session_of(self.token)
        return _session_of(self.keys.key.text) if self.keys is not None else ""

    def _sessions(self) -> list[str]:
        keys = [] if self.keys is None else [key.text for key in self.keys.each()]
        return [_session_of(secret) for secret in (*([self.token] if self.token else []), *keys)]


def host_name(text: str) -> str:
    """Return the name in a host, as a browser writes it; raises ValueError: it is none."""
    name = _name_in(f"//[{text}]" if text.count(":") > 1 and not text.startswith("[") else f"//{text}")
    if not name or any(mark in text for mark in "/@?#* ,"):
        raise ValueError(f"{text!r} is not a host; give a name or an address, as in engine.internal")
    return name


def _name_in(url: str) -> str:
    try:
        return (urllib.parse.urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def is_one_of(given: str, secrets: Iterable[str]) -> bool:
    """Tell whether *given* is one of the secrets, in constant time."""
    matches = [hmac.compare_digest(given.encode(errors="replace"), each.encode()) for each in secrets]
    return any(matches)


def _session_of(secret: str) -> str:
    return hmac.new(secret.encode(), b"a session of the page", hashlib.sha256).hexdigest()


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _spellings(key: SigningKey) -> list[str]:
    """Return what shows a key: as it is or hashed, with or without its prefix."""
    bare = key.secret.decode()
    prefix = key.text.removesuffix(bare)
    try:
        digest = key.hash()
    except ConfigError:  # a key that is not hex has no hash
        return [key.text, bare]
    return [key.text, bare, digest, prefix + digest]
