"""Signing and verifying: the only module that handles keys as secrets. No clock, no environment.

Nothing looks inside a body before its signature is known to be good. The canonical form is a fallback for bodies that
a proxy re-encoded; it costs a parse, so it is tried for small bodies only. See docs/protocol.md, Signing.
"""

from __future__ import annotations

import functools
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
_LONGEST_HEADER = len("t=") + 12 + len("&s=") + 64
_EXACT_INTEGER = 2**53
_BLOCK = 64
"""Bytes that SHA-256 takes at a time."""
_INNER_PAD, _OUTER_PAD = (bytes(each ^ pad for each in range(256)) for pad in (0x36, 0x5C))
_Hash = Any  # hashlib's type of hashes has no public name


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One signing key; neither form of it is ever shown.

    secret: the bytes that sign: the part after `signkey-<env>-`, as text, not hex-decoded.
    """

    text: str = field(repr=False)
    secret: bytes = field(init=False, repr=False, compare=False)
    _inner: _Hash = field(init=False, repr=False, compare=False)
    _outer: _Hash = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        secret = _PREFIX.sub("", self.text).encode()
        object.__setattr__(self, "secret", secret)
        block = (secret if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()).ljust(_BLOCK, b"\0")
        object.__setattr__(self, "_inner", hashlib.sha256(block.translate(_INNER_PAD)))
        object.__setattr__(self, "_outer", hashlib.sha256(block.translate(_OUTER_PAD)))

    def digest(self, *parts: bytes) -> str:
        """Return the HMAC-SHA256 of *parts* in hex; the key's own part of it was computed before (RFC 2104)."""
        inner, outer = self._inner.copy(), self._outer.copy()
        for part in parts:
            inner.update(part)
        outer.update(inner.digest())
        digest: str = outer.hexdigest()
        return digest

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
    return f"t={seconds}&s={key.digest(body, seconds.encode())}"


class Signature(NamedTuple):
    """A signature as its header says it.

    made: Unix seconds. seconds: the same as it was signed, which is as text. digest: lower case.
    """

    made: int
    seconds: bytes
    digest: str


def parse_signature(header: str | None, *, now: float) -> Signature:
    """Return what a signature header says, without having seen what was signed.

    header: "t=<unix seconds>&s=<hex HMAC-SHA256 of body + t>". now: Unix seconds.
    Raises HeaderMissingError; SignatureError: malformed, or made more than 300 seconds from now.
    """
    if not header:
        raise HeaderMissingError("the x-inngest-signature header is missing; this app answers signed requests only")
    signature = _split(header) if len(header) <= _LONGEST_HEADER else None
    if signature is None:
        raise SignatureError("the x-inngest-signature header is malformed; expected t=<unix seconds>&s=<64 hex digits>")
    if abs(now - signature.made) > SIGNATURE_WINDOW_SECONDS:
        raise SignatureError(
            f"the signature was made more than {SIGNATURE_WINDOW_SECONDS} seconds from now; "
            "compare the clocks of this machine and of the engine"
        )
    return signature


@functools.lru_cache(maxsize=128)
def _split(header: str) -> Signature | None:
    """Return the two parts of a header; cached, for each is looked at before and after the body is read."""
    match = _HEADER.fullmatch(header)
    return None if match is None else Signature(int(match[1]), match[1].encode(), match[2].lower())


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
    for key in (keys.key, keys.fallback):
        if key is not None and hmac.compare_digest(key.digest(body, signature.seconds), signature.digest):
            return key
    return None


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
