"""client.send_signal and send_signal_sync: one request, and what becomes of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator

import pytest

import inngest
from inngest_core.errors import ConfigError, OutputUnserializableError
from tests.cases.case import RUN_ID
from tests.stage.engine_api import EngineDouble

Send = Callable[..., str | None]

KEY = "signkey-test-" + "0123456789abcdef" * 4
SENT = {"data": {"run_id": RUN_ID}, "metadata": {"fetched_at": "2026-11-22T12:12:35Z"}}


@pytest.fixture
def client(engine: EngineDouble) -> Generator[inngest.Inngest]:
    with inngest.Inngest(
        app_id="app", is_production=True, signing_key=KEY, env="e", api_base_url=engine.origin
    ) as made:
        yield made


def by_async(client: inngest.Inngest, signal: str, data: object = None) -> str | None:
    async def main() -> str | None:
        async with client:
            return await client.send_signal(signal, data=data)

    return asyncio.run(main())


def by_sync(client: inngest.Inngest, signal: str, data: object = None) -> str | None:
    return client.send_signal_sync(signal, data=data)


BOTH_WAYS = pytest.mark.parametrize("send", [by_async, by_sync])


@BOTH_WAYS
def test_it_is_sent_once_with_key_and_environment(send: Send, client: inngest.Inngest, engine: EngineDouble) -> None:
    engine.reset({"POST /v1/signals": [(200, SENT)]})
    assert send(client, "go", {"n": 1, "ü": None}) == RUN_ID
    (request,) = engine.requests
    assert request.json() == {"signal": "go", "data": {"n": 1, "ü": None}}
    assert request.headers["x-inngest-env"] == "e"
    assert request.headers["authorization"].startswith("Bearer signkey-test-")


@BOTH_WAYS
def test_nobody_waits(send: Send, client: inngest.Inngest, engine: EngineDouble) -> None:
    engine.reset({"POST /v1/signals": [(404, {"error": "No signal found", "data": None, "status": 404})]})
    assert send(client, "go") is None
    assert engine.requests[0].json() == {"signal": "go", "data": None}


@BOTH_WAYS
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, {"error": "no such environment"}, "the engine answered 400: no such environment"),
        (401, {"error": "Unauthorized"}, "401"),
        (500, b"oops", "500: oops"),
        (404, b"<html>not here</html>", "404: <html>"),
        (200, b"no JSON", "200: no JSON"),
        (200, {"data": {"run_id": 7}}, "200"),
        (200, [], "200"),
    ],
)
def test_it_is_refused_or_answered_with_nonsense(
    send: Send, client: inngest.Inngest, engine: EngineDouble, status: int, body: object, said: str
) -> None:
    engine.reset({"POST /v1/signals": [(status, body)]})
    with pytest.raises(inngest.SendSignalError, match=said):
        send(client, "go")


@BOTH_WAYS
def test_no_engine_answers(send: Send) -> None:
    lost = inngest.Inngest(app_id="app", is_production=False, api_base_url="http://127.0.0.1:9")
    with pytest.raises(inngest.SendSignalError, match=r"it may have been sent all the same; is an engine running"):
        send(lost, "go")


@BOTH_WAYS
def test_what_cannot_be_sent(send: Send, client: inngest.Inngest, engine: EngineDouble) -> None:
    engine.reset({})
    with pytest.raises(ConfigError, match="give the name of the signal"):
        send(client, "")
    with pytest.raises(OutputUnserializableError, match='signal "go": data'):
        send(client, "go", object())
    assert engine.requests == []
