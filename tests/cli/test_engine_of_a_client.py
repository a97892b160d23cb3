"""Which engine the commands of a framework ask: that of its client, or the one of `inngest dev` in a new project."""

from __future__ import annotations

from typing import Any

import pytest

import inngest
from inngest_cli.remote import Remote
from inngest_cli.settings import environ_of

ENGINES: dict[str, tuple[dict[str, Any], str]] = {
    "a new project": ({}, "http://127.0.0.1:8288"),
    "dev mode": ({"is_production": False}, "http://127.0.0.1:8288"),
    "Inngest Cloud": ({"event_key": "key-1"}, "https://inn.gs"),
    "self-hosted": ({"event_api_base_url": "https://engine.example"}, "https://engine.example"),
}


@pytest.mark.parametrize(("options", "origin"), ENGINES.values(), ids=ENGINES.keys())
def test_the_engine_is_that_of_the_client(
    options: dict[str, Any], origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("INNGEST_DEV", "INNGEST_BASE_URL", "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    with inngest.Inngest(app_id="shop", **options) as client:
        assert Remote.of(None, environ_of(client, {})).origin == origin
