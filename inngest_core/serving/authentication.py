"""Who signed a request, and whose requests are answered. See docs/protocol.md, Signing and Registration.

In cloud mode every request has to be signed, but for an out-of-band registration where that is allowed: all it does is
make the app send what it would send anyway, to the engine that it is configured for. In dev mode no request has to be
signed, and a wrong signature is refused all the same, except that a GET shows anybody what is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from inngest_core.config import Config, Mode
from inngest_core.errors import SignatureError
from inngest_core.protocol.signing import SigningKey, parse_signature, verify
from inngest_core.protocol.wire import Header, SyncKind
from inngest_core.web.messages import Request


class Signer(NamedTuple):
    """Who signed a request.

    key: the signing key of this app that made the signature; None when none of them did, or none was checked.
    is_known: False for a signature that was made by none of the keys, which only a GET in dev mode gets away with.
    """

    key: SigningKey | None = None
    is_known: bool = True

    @property
    def authenticated(self) -> bool | None:
        """What introspection says: True for a good signature, False for a wrong one, None for none."""
        return (True if self.key is not None else None) if self.is_known else False


_SIGNATURE = Header.SIGNATURE.value  # enums are slow to look things up in, and every request asks
_DEV = Mode.DEV

UNSIGNED = Signer()
STRANGER = Signer(is_known=False)


NO_SIGNING_KEY = (
    "this app is in cloud mode, but has no signing key: set INNGEST_SIGNING_KEY, "
    "or INNGEST_DEV=1 (or is_production=False) when it is to be used with a dev server"
)


def misses_key(config: Config) -> bool:
    """Tell whether an app with this configuration refuses every request, for want of a signing key."""
    return config.mode is Mode.CLOUD and config.signing_keys is None


@dataclass(frozen=True, slots=True)
class Guard:
    """Tells whose requests an endpoint answers.

    takes_unsigned_registrations: in cloud mode, those out of band.
    """

    config: Config
    takes_unsigned_registrations: bool

    def needs_signature(self, method: str, headers: Mapping[str, str]) -> bool:
        """Tell whether a request is refused when it is not signed."""
        if self.config.mode is _DEV:
            return False
        if method == "PUT" and not asks_in_band(headers, self.config):
            return not self.takes_unsigned_registrations
        return True

    def check_head(self, method: str, headers: Mapping[str, str], *, now: float) -> None:
        """Check what can be known before the body; now: Unix seconds.

        Raises HeaderMissingError, SignatureError: the request needs a signature, and has no well-formed recent one.
        """
        if self.needs_signature(method, headers):
            parse_signature(headers.get(_SIGNATURE), now=now)

    def authenticate(self, request: Request, *, now: float) -> Signer:
        """Return who signed *request*; now: Unix seconds.

        Raises HeaderMissingError: it needs a signature and has none. SignatureError: the signature is wrong.
        """
        header, keys = request.headers.get(_SIGNATURE), self.config.signing_keys
        if keys is None or not (header or self.needs_signature(request.method, request.headers)):
            return UNSIGNED
        try:
            return Signer(verify(request.body, header, keys, now=now))
        except SignatureError:
            if request.method == "GET" and self.config.mode is Mode.DEV:
                return STRANGER
            raise


def asks_in_band(headers: Mapping[str, str], config: Config) -> bool:
    """Tell whether a PUT asks for the registration as its answer, and may have it."""
    return config.allow_in_band and headers.get(Header.SYNC_KIND) == SyncKind.IN_BAND
