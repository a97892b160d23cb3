"""An app with a function of each colour, and the question of this folder: does it answer where it says that it does?"""

from __future__ import annotations

import http.client
import json
import logging
import urllib.parse
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import inngest
from tests.cases.case import Call
from tests.stage.engine_api import EngineDouble
from tests.stage.sockets import PATIENCE, read
from tests.targets.target import Answer, Functions

from .proxy import NOTHING, TLS


@dataclass(frozen=True, slots=True)
class Shop:
    """An app, and its functions, which tell their names."""

    client: inngest.Inngest
    functions: Functions


@contextmanager
def shop(engine: EngineDouble, app_id: str = "shop") -> Generator[Shop]:
    """A shop in dev mode that registers with the engine double."""
    logger = logging.Logger("silent")
    with inngest.Inngest(app_id=app_id, is_production=False, api_base_url=engine.origin, logger=logger) as client:
        yield Shop(client, define(client))


def define(client: inngest.Inngest) -> Sequence[inngest.Function[Any]]:
    """Define the functions, as an app factory does each time that it runs."""
    trigger = inngest.TriggerEvent(event="test/go")

    @client.create_function(fn_id="plain", trigger=trigger)
    def plain(ctx: inngest.ContextSync) -> list[str]:
        return [ctx.fn_id]

    @client.create_function(fn_id="async", trigger=trigger)
    async def asynchronous(ctx: inngest.Context) -> list[str]:
        return [ctx.fn_id]

    return [plain, asynchronous]


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


def expect_answers(url: str, served: Shop, engine: EngineDouble, tls: TLS | None = None) -> None:
    """Assert that an app that is asked at *url* registers that very URL, and that all its functions answer there."""
    registered = register(url, engine, tls=tls)
    assert registered.url == url
    assert registered.calls == {function.id: f"{url}?fnId={function.id}&stepId=step" for function in served.functions}
    for fn_id, fn_url in registered.calls.items():
        assert call(fn_url, tls) == (200, [fn_id])
