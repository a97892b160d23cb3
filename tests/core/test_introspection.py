"""GET: what strangers see, what a signed request sees, and when nothing is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from inngest_core.client import Inngest
from inngest_core.config import load_config
from inngest_core.errors import ConfigError
from inngest_core.execution.answer import Answer
from inngest_core.function import Function
from inngest_core.protocol.signing import SigningKey
from inngest_core.protocol.wire import VERSION
from inngest_core.serving.authentication import STRANGER, UNSIGNED, Signer
from inngest_core.serving.introspection import introspect
from inngest_core.serving.options import ServeOptions
from inngest_core.web.messages import Request

KEY, FALLBACK = "signkey-test-" + "0123456789abcdef" * 4, "signkey-test-" + "fedcba9876543210" * 4
SIGNED = Signer(SigningKey(KEY))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INNGEST_DEV", "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_ENV", "INNGEST_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Served:
    client: Inngest
    functions: Sequence[Function[Any]] = ()
    framework: str = "flask"
    options: ServeOptions = field(default_factory=ServeOptions)


def cloud(**options: Any) -> Inngest:
    defaults: dict[str, Any] = {
        "signing_key": KEY,
        "signing_key_fallback": FALLBACK,
        "event_key": "test",
        "is_production": True,
    }
    return Inngest(app_id="app", **{**defaults, **options})


def body_of(answer: Answer) -> dict[str, Any]:
    """Return the answer's body as an engine reads it."""
    body: dict[str, Any] = json.loads(json.dumps(answer.body))
    return body


def get(**headers: str) -> Request:
    return Request("GET", "http://x/api/inngest", {name.replace("_", "-"): text for name, text in headers.items()}, b"")


@pytest.mark.parametrize(("signer", "authenticated"), [(UNSIGNED, None), (STRANGER, False)])
def test_strangers_see_little(signer: Signer, authenticated: bool | None) -> None:
    answer = introspect(Served(cloud()), get(), signer)
    assert answer.status == 200
    assert answer.body == {
        "schema_version": "2024-05-24",
        "authentication_succeeded": authenticated,
        "capabilities": {"in_band_sync": "v1", "trust_probe": "v1"},
        "function_count": 0,
        "has_event_key": True,
        "has_signing_key": True,
        "has_signing_key_fallback": True,
        "mode": "cloud",
    }


def test_a_signed_request_sees_all() -> None:
    options = ServeOptions(serve_origin="https://app.example", public_path="/public")
    answer = introspect(Served(cloud(env="branch"), options=options), get(), SIGNED)
    assert answer.body == {
        "schema_version": "2024-05-24",
        "api_origin": "https://api.inngest.com",
        "app_id": "app",
        "authentication_succeeded": True,
        "capabilities": {"in_band_sync": "v1", "trust_probe": "v1"},
        "env": "branch",
        "event_api_origin": "https://inn.gs",
        "event_key_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "framework": "flask",
        "function_count": 0,
        "has_event_key": True,
        "has_signing_key": True,
        "has_signing_key_fallback": True,
        "mode": "cloud",
        "sdk_language": "py",
        "sdk_version": VERSION,
        "serve_origin": "https://app.example",
        "serve_path": "/public",
        "signing_key_fallback_hash": "8d2e4d6374b604562a5d8c04a4dfc035fa499ec7ad373bd48bd2bd62ca75c3b5",
        "signing_key_hash": "4884fdaafea47c29fea7159d0daddd9c085d6200e1359e85bb81736af6b7c837",
    }


def test_what_is_not_there_is_null() -> None:
    shown = body_of(introspect(Served(cloud(signing_key_fallback=None, event_key=None)), get(), SIGNED))
    nulls = {name for name, value in shown.items() if value is None}
    assert nulls == {"env", "event_key_hash", "serve_origin", "serve_path", "signing_key_fallback_hash"}
    assert (shown["has_event_key"], shown["has_signing_key_fallback"]) == (False, False)


def test_the_stand_in_for_an_event_key_is_none() -> None:
    dev = Inngest(app_id="app", is_production=False)
    body = body_of(introspect(Served(dev), get(), UNSIGNED))
    assert (body["has_event_key"], body["has_signing_key"], body["mode"]) == (False, False, "dev")


def test_no_secret_is_shown() -> None:
    shown = json.dumps(introspect(Served(cloud(event_key="s3cret")), get(), SIGNED).body)
    for secret in (KEY, FALLBACK, "0123456789abcdef", "fedcba9876543210", "s3cret"):
        assert secret not in shown


def test_in_band_is_advertised_only_while_it_is_allowed() -> None:
    client = cloud()
    client.config = load_config(signing_key=KEY, environ={"INNGEST_ALLOW_IN_BAND_SYNC": "0"})
    body = body_of(introspect(Served(client), get(), UNSIGNED))
    assert body["capabilities"] == {"trust_probe": "v1"}


@pytest.mark.parametrize(("kind", "status"), [("dev", 403), ("cloud", 200), ("moon", 200)])
def test_an_engine_of_the_other_mode_learns_nothing(kind: str, status: int) -> None:
    answer = introspect(Served(cloud()), get(x_inngest_server_kind=kind), SIGNED)
    assert answer.status == status
    if status == 403:
        assert answer.body == {}


def test_a_signing_key_that_is_not_hex_is_explained() -> None:
    with pytest.raises(ConfigError, match="not hexadecimal"):
        introspect(Served(cloud(signing_key="signkey-test-zz")), get(), SIGNED)
