"""Tokens of subscribers: JSON Web Tokens, signed with HMAC-SHA256, for some topics and a short time.

No other algorithm is accepted, whatever a token says of itself.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import dump_json, parse_object
from inngest_devserver.ids import Ulids

from .messages import ENV_ID, Topic

TOKEN_SECONDS = 60
"""How long a token opens a subscription; one that is open stays so."""
_ISSUER = "rt.inngest.com"
_ACCOUNT_ID = "00000000-0000-4000-a000-000000000000"
_HEADER = {"alg": "HS256", "typ": "JWT"}
_LONGEST = 64 * 1024


class TokenError(Exception):
    """A token that opens nothing."""


class Tokens:
    """secret: of this engine alone."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._ulids = Ulids()

    def make(self, topics: Sequence[Topic], now: float) -> str:
        """Return a token for *topics* that is valid from *now* on."""
        claims = {
            "iss": _ISSUER,
            "sub": _ACCOUNT_ID,
            "exp": int(now) + TOKEN_SECONDS,
            "iat": int(now),
            "jti": self._ulids.new(now),
            "env": ENV_ID,
            "topics": [
                {"kind": "run", "env_id": ENV_ID, "channel": topic.channel, "name": topic.name} for topic in topics
            ],
            "publish": False,
        }
        signed = f"{_encode(dump_json(_HEADER))}.{_encode(dump_json(claims))}"
        return f"{signed}.{self._sign(signed)}"

    def read(self, token: str, now: float) -> list[Topic]:
        """Return the topics that a token opens at the Unix time *now*; raises TokenError."""
        signed, _, signature = token.rpartition(".")
        if len(token) > _LONGEST or not token.isascii():
            raise TokenError("it is not a token")
        if not hmac.compare_digest(signature, self._sign(signed)):
            raise TokenError("it was not made by this engine")
        header, _, payload = signed.partition(".")
        try:
            algorithm = parse_object(_decode(header)).get("alg")
            claims = parse_object(_decode(payload))
        except BodyInvalidError as error:
            raise TokenError("it cannot be read") from error
        if algorithm != _HEADER["alg"] or claims["iss"] != _ISSUER:
            raise TokenError("it is for something else")
        if now >= claims["exp"]:
            raise TokenError("it has expired")
        return [Topic(each["channel"], each["name"]) for each in claims["topics"]]

    def _sign(self, text: str) -> str:
        return _encode(hmac.digest(self._secret, text.encode(), "sha256"))


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Return what a part of a token holds; nothing when it is malformed."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
