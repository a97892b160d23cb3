"""GET: what an app says about itself. Nothing secret, no environment variable, and to strangers only the little
that a dashboard needs. Decides nothing about signatures: it is told how the check went. Source: protocol §4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inngest_core.client import Inngest
from inngest_core.config import DEV_EVENT_KEY, Config, Mode
from inngest_core.errors import HeaderMissingError, SignatureError
from inngest_core.function import Function
from inngest_core.protocol.signing import SigningKey
from inngest_core.protocol.wire import SDK_LANGUAGE, VERSION, Header
from inngest_core.web.messages import Request

from .answer import Answer

SCHEMA_VERSION = "2024-05-24"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What `serve` was given about the advertised URL.

    serve_path: only when the user gave it.
    """

    serve_path: str | None = None
    serve_origin: str | None = None
    public_path: str | None = None


class Endpoint(Protocol):
    """What one `serve` serves, as far as engines may know; `App` is one."""

    @property
    def client(self) -> Inngest: ...
    @property
    def functions(self) -> Sequence[Function[Any]]: ...
    @property
    def framework(self) -> str: ...
    @property
    def options(self) -> ServeOptions: ...


def introspect(endpoint: Endpoint, request: Request, authenticated: bool | None) -> Answer:
    """Answer a GET: 403 with nothing in it when the asker is of the other mode.

    authenticated: what `authentication` says.
    """
    if other_mode(request, endpoint.client.config) is not None:
        return Answer(403, {})
    return Answer(200, dump_introspection(endpoint, authenticated))


def authentication(key: SigningKey | None, failure: SignatureError | None) -> bool | None:
    """Return True for a request signed by *key*, False for a wrongly signed one, None for an unsigned one.

    failure: what `signing.verify` raised, if anything; without a key in dev mode nothing is checked, which is None.
    """
    if key is not None:
        return True
    return None if failure is None or isinstance(failure, HeaderMissingError) else False


def dump_introspection(endpoint: Endpoint, authenticated: bool | None) -> dict[str, object]:
    """Return the introspection: the public one, or all of it when *authenticated* is True (protocol §4)."""
    client, options = endpoint.client, endpoint.options
    config = client.config
    keys = config.signing_keys
    event_key = None if config.event_key == DEV_EVENT_KEY else config.event_key
    public: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "authentication_succeeded": authenticated,
        "capabilities": capabilities(config),
        "function_count": len(endpoint.functions),
        "has_event_key": event_key is not None,
        "has_signing_key": keys is not None,
        "has_signing_key_fallback": keys is not None and keys.fallback is not None,
        "mode": config.mode.value,
    }
    if authenticated is not True:
        return public
    return {
        **public,
        "api_origin": config.api_origin,
        "app_id": client.app_id,
        "env": config.env,
        "event_api_origin": config.event_api_origin,
        "event_key_hash": None if event_key is None else hashlib.sha256(event_key.encode()).hexdigest(),
        "framework": endpoint.framework,
        "sdk_language": SDK_LANGUAGE,
        "sdk_version": VERSION,
        "serve_origin": options.serve_origin or config.serve_origin,
        "serve_path": options.public_path or config.serve_path or options.serve_path,
        "signing_key_hash": _hash(None if keys is None else keys.key),
        "signing_key_fallback_hash": _hash(None if keys is None else keys.fallback),
    }


def capabilities(config: Config) -> Mapping[str, str]:
    """Return what this app can do beyond the basics; in-band registration only while it is allowed."""
    in_band = {"in_band_sync": "v1"} if config.allow_in_band else {}
    return {**in_band, "trust_probe": "v1"}


def other_mode(request: Request, config: Config) -> Mode | None:
    """Return the mode of the engine that asks, when it is not the app's own; None also when it does not say."""
    kind = request.headers.get(Header.SERVER_KIND)
    if kind is None or kind == config.mode or kind not in (Mode.DEV, Mode.CLOUD):
        return None
    return Mode(kind)


def _hash(key: SigningKey | None) -> str | None:
    return None if key is None else key.hash()
