"""Links of a page that is not really asked for, and a night that does not really pass."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import httpx
import pytest
from linkcheck.app import app
from linkcheck.functions import check_page

from inngest import testing

pytestmark = pytest.mark.anyio

PAGE, GOOD, BAD = "https://example.com/", "https://example.com/good", "https://example.com/bad"
STUBS = {"find links": [GOOD, BAD], f"check {GOOD}": 200, f"check {BAD}": 404}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as made,
    ):
        yield made


async def test_a_page_is_checked_at_once_and_every_night(http: httpx.AsyncClient) -> None:
    async with testing.AsyncEngine(app, steps=STUBS) as engine:
        assert (await http.post("/pages", json={"url": PAGE})).status_code == 202
        (run,) = engine.runs(check_page)
        assert (await engine.wait(run)).output == {BAD: 404}
        assert (await http.get("/dead-links")).json() == [{"page": PAGE, "url": BAD, "status": 404}]
        await engine.advance(datetime.timedelta(days=2))
        assert len(engine.runs(check_page)) == 3


async def test_a_page_that_cannot_be_read(http: httpx.AsyncClient) -> None:
    run = await testing.run_async(check_page, {"url": PAGE}, steps={"find links": httpx.ConnectError("no answer")})
    assert run.status is testing.Status.FAILED
    assert run.steps["find links"].attempts == 5


async def test_what_is_no_address_is_refused(http: httpx.AsyncClient, inngest_sent: testing.Sent) -> None:
    assert (await http.post("/pages", json={"url": "example"})).status_code == 400
    inngest_sent.assert_not_sent()
