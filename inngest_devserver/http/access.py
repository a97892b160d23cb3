"""Who may call the engine's API: no web page, and nobody without a key where the engine has one. Knows no route."""

from __future__ import annotations

import hmac
import urllib.parse
from collections.abc import Iterable, Mapping

from inngest_core.errors import ConfigError
from inngest_core.protocol.signing import SigningKey
from inngest_core.protocol.wire import Header

from .answers import APIError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})
"""Names that lead to this machine and nowhere else; the last is what containers call the machine they run on."""


def check_sender(headers: Mapping[str, str], *, any_host: bool) -> None:
    """Refuse what a web page sends, also one whose name has been made to lead to this machine (DNS rebinding).

    any_host: the engine is bound to more than loopback, and may be reached by any name.
    """
    host = headers.get("host", "")
    if not any_host and not _is_loopback(f"//{host}"):
        raise APIError(403, f"host {host!r} is not allowed; reach the engine by localhost or 127.0.0.1")
    origin = headers.get("origin")
    if origin is not None and not _is_loopback(origin):
        raise APIError(403, f"origin {origin!r} is not allowed; web pages may not use this engine")


def _is_loopback(url: str) -> bool:
    try:
        name = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return False
    return name in _LOOPBACK or name.endswith(".localhost")


def check_key(headers: Mapping[str, str], key: SigningKey) -> None:
    """Refuse a request that does not show the key: as it is or hashed, with or without its prefix."""
    given = headers.get(Header.AUTHORIZATION, "").removeprefix("Bearer ").strip()
    if not is_one_of(given, _spellings(key)):
        raise APIError(401, "Authentication failed: send the signing key as a bearer token")


def is_one_of(given: str, secrets: Iterable[str]) -> bool:
    """Tell whether *given* is one of the secrets, in constant time."""
    matches = [hmac.compare_digest(given.encode(errors="replace"), each.encode()) for each in secrets]
    return any(matches)


def _spellings(key: SigningKey) -> list[str]:
    bare = key.secret.decode()
    prefix = key.text.removesuffix(bare)
    try:
        digest = key.hash()
    except ConfigError:  # a key that is not hex has no hash
        return [key.text, bare]
    return [key.text, bare, digest, prefix + digest]
