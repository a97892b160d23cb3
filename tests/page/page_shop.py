"""A shop: an app with functions of every kind, served over a socket, and an engine that it has registered with."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Page, expect
from starlette.applications import Starlette

import inngest
import inngest.starlette
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
from tests.stage.servers import by_uvicorn

PATIENCE = 60.0
ORDER = {"order": "A1", "item": "teapot", "card": "4242"}


class CardDeclinedError(Exception):
    """The bank does not want to pay."""


@dataclass
class World:
    """What the functions of the shop depend on. bank: whether it pays."""

    bank: bool = True
    calls: list[str] = field(default_factory=list[str])

    def charge(self, order: str, amount: float) -> dict[str, Any]:
        self.calls.append(f"{order} {amount:g}")
        if not self.bank:
            raise inngest.NonRetriableError(f"the bank declined {amount:g} for {order}") from CardDeclinedError(
                f"51 {order}"
            )
        return {"paid": amount}


@dataclass
class Shop:
    """origin: of the engine. world: to be changed by tests."""

    server: DevServer
    world: World
    api: httpx.Client

    @property
    def origin(self) -> str:
        return self.server.origin

    def send(self, name: str, data: dict[str, Any] | None = None) -> str:
        """Send an event; return its id."""
        answer = self.api.post("/e/k", json={"name": name, "data": data or {}})
        ids: list[str] = answer.raise_for_status().json()["ids"]
        return ids[0]

    def run(self, name: str, data: dict[str, Any] | None = None) -> str:
        """Send an event; return the id of the one run that it starts."""
        (run,) = self.runs_of(self.send(name, data))
        return str(run["run_id"])

    def runs_of(self, event: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"/v1/events/{event}/runs").json()["data"]
        return found

    def status(self, run_id: str) -> str:
        return str(self.api.get(f"/v1/runs/{run_id}").json()["data"]["status"])

    def wait(self, run_id: str, *statuses: str) -> str:
        """Wait until a run has one of the statuses, by default one that it keeps; return it."""
        wanted = statuses or ("Completed", "Failed", "Cancelled")
        deadline = time.monotonic() + PATIENCE
        while (status := self.status(run_id)) not in wanted:
            assert time.monotonic() < deadline, f"run {run_id} is {status}"
            time.sleep(0.01)
        return status

    def wait_for_reason(self, run_id: str, text: str) -> None:
        """Wait until a run waits for something that is told with *text*."""
        deadline = time.monotonic() + PATIENCE
        while True:
            run = self.api.get(f"/v1/runs/{run_id}").json()["data"]
            if any(text in reason for reason in run.get("waits_for", [])):
                return
            assert time.monotonic() < deadline, run
            time.sleep(0.01)


def until_live(page: Page) -> None:
    """Wait until the script of a page is at work: before that, nobody listens to keys or chosen filters."""
    expect(page.locator("live-dot")).to_have_text("Live")


def functions_of(client: inngest.Inngest, world: World) -> Sequence[inngest.Function[Any]]:
    @client.create_function(
        fn_id="fulfil", name="Fulfil an order", trigger=inngest.TriggerEvent(event="shop/order.placed"), retries=0
    )
    async def fulfil(ctx: inngest.Context) -> object:
        order = str(ctx.event.data["order"])
        total = await ctx.step.run("compute total", lambda: 42.5)
        paid = await ctx.step.run("charge card", world.charge, order, total)
        boxes = await ctx.group.parallel(
            (
                lambda: ctx.step.run("pack goods", lambda: "box"),
                lambda: ctx.step.run("pack invoice", lambda: "envelope"),
            )
        )
        label = await ctx.step.invoke("ship it", function=ship, data={"order": order})
        return {"payment": paid, "parcel": list(boxes), "label": label}

    @client.create_function(fn_id="ship", name="Ship a parcel", trigger=inngest.TriggerEvent(event="shop/ship"))
    async def ship(ctx: inngest.Context) -> str:
        return f"label {ctx.event.data['order']}"

    @client.create_function(
        fn_id="remind",
        name="Remind a customer",
        trigger=inngest.TriggerEvent(event="shop/cart.left"),
        concurrency=[inngest.Concurrency(limit=5, key="event.data.user")],
        cancel=[inngest.Cancel(event="shop/order.placed")],
        retries=2,
    )
    async def remind(ctx: inngest.Context) -> str:
        await ctx.step.sleep("let it rest", datetime.timedelta(days=1))
        return "reminded"

    @client.create_function(fn_id="review", name="Ask for a review", trigger=inngest.TriggerEvent(event="shop/bought"))
    async def review(ctx: inngest.Context) -> object:
        found = await ctx.step.wait_for_event(
            "await review", event="shop/review.written", timeout=datetime.timedelta(days=3)
        )
        return None if found is None else found.data

    @client.create_function(
        fn_id="count", name="Count stock", trigger=inngest.TriggerEvent(event="shop/count"), retries=0
    )
    async def count(ctx: inngest.Context) -> int:
        return int(ctx.event.data["number"]) + 1

    return [fulfil, ship, remind, review, count]


@contextlib.contextmanager
def open_engine(**options: Any) -> Generator[Shop]:
    """An engine alone. options: of the server."""
    with DevServer(Options(sink=None, retry_interval=0.01), port=0, **options) as server:
        headers = {} if server.token is None else {"authorization": f"Bearer {server.token}"}
        with httpx.Client(base_url=server.origin, trust_env=False, headers=headers, timeout=60) as api:
            yield Shop(server, World(), api)


@contextlib.contextmanager
def open_shop() -> Generator[Shop]:
    """An engine, and the shop registered with it."""
    with open_engine() as opened:
        client = inngest.Inngest(
            app_id="shop", is_production=False, api_base_url=opened.origin, event_api_base_url=opened.origin
        )
        app = Starlette()
        inngest.starlette.serve(app, client, [*functions_of(client, opened.world)])
        with client, by_uvicorn(app, clients=[client]) as port:
            opened.server.register_and_wait(f"http://127.0.0.1:{port}/api/inngest")
            yield opened
