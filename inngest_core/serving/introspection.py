"""GET: what an app says about itself. Nothing secret, no environment variable, and to strangers only the little
that a dashboard needs. See docs/protocol.md, Introspection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from inngest_core.client import Inngest
from inngest_core.config import DEV_EVENT_KEY, Config, Mode
from inngest_core.execution.answer import Answer
from inngest_core.function import Function
from inngest_core.protocol.signing import SigningKey
from inngest_core.protocol.wire import SDK_LANGUAGE, VERSION, Header
from inngest_core.web.messages import Request

from .authentication import Signer
from .options import ServeOptions

SCHEMA_VERSION = "2024-05-24"


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


def introspect(endpoint: Endpoint, request: Request, signer: Signer) -> Answer:
    """Answer a GET that *signer* signed; an engine of the other mode gets a 403 without content."""
    if other_mode(request, endpoint.client.config) is not None:
        return Answer(403, {})
    return Answer(200, dump_introspection(endpoint, signer))


def dump_introspection(endpoint: Endpoint, signer: Signer) -> dict[str, object]:
    """Return the whole introspection when *signer* holds a key of this app, else the public part of it."""
    client, options = endpoint.client, endpoint.options
    config = client.config
    keys = config.signing_keys
    event_key = None if config.event_key == DEV_EVENT_KEY else config.event_key
    public: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "authentication_succeeded": signer.authenticated,
        "capabilities": capabilities(config),
        "function_count": len(endpoint.functions),
        "has_event_key": event_key is not None,
        "has_signing_key": keys is not None,
        "has_signing_key_fallback": keys is not None and keys.fallback is not None,
        "mode": config.mode.value,
    }
    if signer.key is None:
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
        "serve_origin": options.get("serve_origin") or config.serve_origin,
        "serve_path": options.get("public_path") or config.serve_path or options.get("serve_path"),
        "signing_key_hash": _hash(None if keys is None else keys.key),
        "signing_key_fallback_hash": _hash(None if keys is None else keys.fallback),
    }


def capabilities(config: Config) -> Mapping[str, str]:
    """Return what this app can do beyond the basics; in-band registration is listed only where it is allowed."""
    in_band = {"in_band_sync": "v1"} if config.allow_in_band else {}
    return {**in_band, "trust_probe": "v1"}


def other_mode(request: Request, config: Config) -> Mode | None:
    """Return the mode of the engine that asks if it differs from the app's; None when it does not, or is not said."""
    kind = request.headers.get(Header.SERVER_KIND)
    if kind is None or kind == config.mode or kind not in (Mode.DEV, Mode.CLOUD):
        return None
    return Mode(kind)


def _hash(key: SigningKey | None) -> str | None:
    return None if key is None else key.hash()
