"""Signing and verifying: the only module that handles keys as secrets. No clock, no environment.

Nothing looks inside a body before its signature is known to be good. The canonical form is a fallback for bodies that
a proxy re-encoded; it costs a parse, so it is tried for small bodies only. See docs/protocol.md, Signing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from inngest_core.errors import BodyInvalidError, ConfigError, HeaderMissingError, SignatureError
from inngest_core.protocol.limits import MAX_CANONICAL_BYTES, SIGNATURE_WINDOW_SECONDS

from .wire import parse_json

_PREFIX = re.compile(r"^signkey-[^-]+-")
_HEADER = re.compile(r"t=([0-9]{1,12})&s=([0-9a-fA-F]{64})", re.ASCII)
_EXACT_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One signing key; neither form of it is ever shown.

    secret: the bytes that sign: the part after `signkey-<env>-`, as text, not hex-decoded.
    """

    text: str = field(repr=False)
    secret: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "secret", _PREFIX.sub("", self.text).encode())

    def hash(self) -> str:
        """Return sha256 of the hex-decoded key, in hex; raises ConfigError when the key is not hex."""
        try:
            raw = bytes.fromhex(_PREFIX.sub("", self.text))
        except ValueError:
            raise ConfigError(
                "the signing key is not hexadecimal after its prefix; "
                "copy it again from your Inngest dashboard into INNGEST_SIGNING_KEY"
            ) from None
        return hashlib.sha256(raw).hexdigest()

    def bearer(self) -> str:
        """Return the value of an Authorization header: the prefix is kept, the key is hashed."""
        prefix = _PREFIX.match(self.text)
        return f"Bearer {prefix[0] if prefix else ''}{self.hash()}"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The signing key, and the one that is being rotated in or out."""

    key: SigningKey
    fallback: SigningKey | None = None

    def each(self) -> tuple[SigningKey, ...]:
        return (self.key,) if self.fallback is None else (self.key, self.fallback)


def sign(body: bytes, key: SigningKey, *, now: float) -> str:
    """Return the value of the signature header for *body*."""
    seconds = str(int(now))
    return f"t={seconds}&s={_digest(body, seconds, key)}"


class Signature(NamedTuple):
    """A signature as its header says it. seconds: Unix time, as text, for it was signed as text. digest: lower case."""

    seconds: str
    digest: str


def parse_signature(header: str | None, *, now: float) -> Signature:
    """Return what a signature header says, without having seen what was signed.

    header: "t=<unix seconds>&s=<hex HMAC-SHA256 of body + t>". now: Unix seconds.
    Raises HeaderMissingError; SignatureError: malformed, or made more than 300 seconds from now.
    """
    if not header:
        raise HeaderMissingError("the x-inngest-signature header is missing; this app answers signed requests only")
    match = _HEADER.fullmatch(header)
    if match is None:
        raise SignatureError("the x-inngest-signature header is malformed; expected t=<unix seconds>&s=<64 hex digits>")
    if abs(now - int(match[1])) > SIGNATURE_WINDOW_SECONDS:
        raise SignatureError(
            f"the signature was made more than {SIGNATURE_WINDOW_SECONDS} seconds from now; "
            "compare the clocks of this machine and of the engine"
        )
    return Signature(match[1], match[2].lower())


def verify(body: bytes, header: str | None, keys: SigningKeys, *, now: float) -> SigningKey:
    """Return the key that signed *body*.

    body: the raw bytes received, not re-encoded JSON. header, now: as in `parse_signature`.
    Raises HeaderMissingError; SignatureError: malformed, expired, or made by neither key.
    """
    signature = parse_signature(header, now=now)
    key = _signer(body, signature, keys)
    if key is None and body and len(body) <= MAX_CANONICAL_BYTES:
        key = _signer(_canonical(body), signature, keys)
    if key is None:
        raise SignatureError("the signature was made with another signing key, or the body was changed on its way")
    return key


def _signer(body: bytes | None, signature: Signature, keys: SigningKeys) -> SigningKey | None:
    if body is None:
        return None
    for key in keys.each():
        if hmac.compare_digest(_digest(body, signature.seconds, key), signature.digest):
            return key
    return None


def _digest(body: bytes, seconds: str, key: SigningKey) -> str:
    return hmac.digest(key.secret, body + seconds.encode(), "sha256").hex()


def _canonical(body: bytes) -> bytes | None:
    """Return the RFC 8785 form of *body*, as an engine signed it, or None when there is none."""
    import rfc8785  # needed only here, and almost never: kept out of start-up

    try:
        return rfc8785.dumps(_as_doubles(parse_json(body)))
    except (BodyInvalidError, rfc8785.CanonicalizationError, RecursionError, OverflowError, UnicodeError):
        return None


def _as_doubles(value: object) -> Any:
    """Return *value* with integers past 2**53 as doubles: canonical JSON has no other numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) > _EXACT_INTEGER else value
    if isinstance(value, dict):
        return {key: _as_doubles(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_as_doubles(item) for item in cast("list[object]", value)]
    return value
