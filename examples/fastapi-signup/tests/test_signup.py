"""Signing up, with a database of its own for each test, and an engine whose hours take no time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from signup.app import app
from signup.database import Base, engine, outbox
from signup.functions import HOUR, onboard

from inngest import testing

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Ask the app, without its lifespan: no relay runs, so a test says when events are sent."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as made:
        yield made
    await engine.dispose()


@pytest.fixture
async def kit() -> AsyncIterator[testing.AsyncEngine]:
    async with testing.AsyncEngine(app) as made:
        yield made


async def started(http: httpx.AsyncClient, kit: testing.AsyncEngine) -> testing.Result[str]:
    """Sign up; return the run that this starts."""
    answer = await http.post("/people", json={"email": "ada@example.com"})
    assert answer.status_code == 201
    assert await outbox.relay(engine).drain_async() == 1
    (run,) = kit.runs(onboard)
    return run


async def test_who_confirms_is_welcome(http: httpx.AsyncClient, kit: testing.AsyncEngine) -> None:
    run = await started(http, kit)
    await kit.advance(1.5 * HOUR)
    assert run.steps["remind"].output == "mail to ada@example.com: are you still there?"
    assert (await http.post("/people/1/confirm")).json()["confirmed"] is True
    await outbox.relay(engine).drain_async()
    assert (await kit.wait(run)).output == "welcome"


async def test_who_does_not_is_deleted(http: httpx.AsyncClient, kit: testing.AsyncEngine) -> None:
    run = await started(http, kit)
    assert (await kit.wait(run)).output == "deleted"
    assert run.duration == 2 * HOUR
    assert (await http.get("/people")).json() == []


async def test_nobody_signs_up_twice(http: httpx.AsyncClient, inngest_sent: testing.Sent) -> None:
    answers = [await http.post("/people", json={"email": "ada@example.com"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 409]
    await outbox.relay(engine).drain_async()
    inngest_sent.assert_sent("people/signed.up", count=1)


async def test_the_lifespan_runs(inngest_sent: testing.Sent) -> None:
    async with app.router.lifespan_context(app):
        pass
    inngest_sent.assert_not_sent("people/signed.up")
