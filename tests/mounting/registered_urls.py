"""Registers an app through the URL at which it is asked, and holds it to the URLs that it then tells the engine."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any

from tests.cases.case import Call
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import Shop, shop
from tests.stage.sockets import PATIENCE, read
from tests.targets.target import Answer, Functions

from .proxy import NOTHING, TLS


def shop_at(engine: EngineDouble, app_id: str = "shop") -> AbstractContextManager[Shop]:
    """A shop in dev mode that registers with the engine double."""
    return shop(app_id=app_id, api_base_url=engine.origin)


def ask(
    method: str, url: str, body: bytes = b"", *, headers: Mapping[str, str] = NOTHING, tls: TLS | None = None
) -> Answer:
    """Send a request to *url*, whose host is on this machine."""
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname == "127.0.0.1", url
    connection = (
        http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        if tls is None
        else http.client.HTTPSConnection(parts.netloc, timeout=PATIENCE, context=tls.client)
    )
    with closing(connection):
        target = urllib.parse.urlunsplit(parts._replace(scheme="", netloc=""))
        connection.request(method, target, body, {"content-type": "application/json", **headers})
        return read(connection.getresponse())


@dataclass(frozen=True, slots=True)
class Registered:
    """What an engine was told. url: of the app. calls: the URLs of its functions, by their ids."""

    url: str
    calls: Mapping[str, str]


def register(
    url: str, engine: EngineDouble, *, headers: Mapping[str, str] = NOTHING, tls: TLS | None = None
) -> Registered:
    """Have the app behind *url* register, and return what it told the engine."""
    engine.reset({"POST /fn/register": [(200, {"ok": True})]})
    answer = ask("PUT", url, headers=headers, tls=tls)
    assert answer.status == 200, answer
    told: dict[str, Any] = engine.requests[-1].json()
    return Registered(
        told["url"], {function["id"]: function["steps"]["step"]["runtime"]["url"] for function in told["functions"]}
    )


def call(url: str, tls: TLS | None = None) -> tuple[int, object]:
    """Call a function at exactly this URL; return the status and what came back."""
    scheme = "http" if tls is None else "https"
    assert url.startswith(f"{scheme}://"), url
    answer = ask("POST", url, Call().body(), tls=tls)
    assert "x-inngest-sdk" in answer.headers, answer
    return answer.status, json.loads(answer.body)


def expect_answers(url: str, functions: Functions, engine: EngineDouble, tls: TLS | None = None) -> None:
    """Assert that an app that is asked at *url* registers that very URL, and that all its functions answer there."""
    registered = register(url, engine, tls=tls)
    assert registered.url == url
    assert registered.calls == {function.id: f"{url}?fnId={function.id}&stepId=step" for function in functions}
    for fn_id, fn_url in registered.calls.items():
        assert call(fn_url, tls) == (200, {"ran": fn_id})
