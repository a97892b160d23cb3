"""An app as users of the official SDK have written theirs: every name and argument of it, once, in both releases."""

from __future__ import annotations

import datetime
import functools
import logging
from typing import Any

import pydantic

import inngest
import inngest.experimental
from inngest_encryption import EncryptionMiddleware

SECRET = "a secret"
HOUR = datetime.timedelta(hours=1)


class Order(pydantic.BaseModel):
    id: str
    total: int


class OrderData(pydantic.BaseModel):
    order: Order


class OrderPlaced(inngest.Event):
    data: OrderData  # type: ignore[assignment]  # as the official documentation shows it


class Watching(inngest.MiddlewareSync):
    """Notes which hooks ran. Of the sync kind, which works with functions of both kinds."""

    noted: list[str] = []  # noqa: RUF012 - one list for the process, as in many apps

    def transform_input(
        self, ctx: inngest.Context | inngest.ContextSync, function: inngest.Function[Any], steps: inngest.StepMemos
    ) -> None:
        self.noted.append(f"transform_input {function.local_id} {steps.size}")

    def before_execution(self) -> None:
        self.noted.append("before_execution")

    def after_execution(self) -> None:
        self.noted.append("after_execution")

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        if result.step is None and result.has_output() and isinstance(result.output, dict):
            result.output = {**result.output, "watched": True}  # pyright: ignore[reportUnknownMemberType]

    def before_response(self) -> None:
        self.noted.append("before_response")

    def before_send_events(self, events: list[inngest.Event]) -> None:
        self.noted.extend(f"sends {event.name}" for event in events)

    def after_send_events(self, result: inngest.SendEventsResult) -> None:
        self.noted.append(f"sent {len(result.ids)}")


def new_client(origin: str) -> inngest.Inngest:
    Watching.noted.clear()
    logger = logging.getLogger("tests.official")
    logger.setLevel(logging.CRITICAL + 1)
    client = inngest.Inngest(
        app_id="shop",
        app_version="1.2.3",
        env="branch",
        api_base_url=origin,
        event_api_base_url=origin,
        event_key="event-key",
        signing_key="signkey-test-" + "ab" * 32,
        is_production=False,
        logger=logger,
        middleware=[EncryptionMiddleware.factory(SECRET)],
        request_timeout=10_000,
        serializer=inngest.PydanticSerializer(),
    )
    client.add_middleware(Watching)
    client.set_logger(logger)
    return client


def options(client: inngest.Inngest) -> inngest.Function[Any]:
    """Define a function with every option."""

    @client.create_function(
        fn_id="options",
        name="Every option",
        trigger=[
            inngest.TriggerEvent(event="shop/option", expression="event.data.n > 0"),
            inngest.TriggerCron(cron="0 0 1 1 *"),
        ],
        retries=1,
        idempotency="event.data.n",
        cancel=[inngest.Cancel(event="shop/stop", if_exp="event.data.n == async.data.n", timeout=HOUR)],
        concurrency=[inngest.Concurrency(limit=3, key="event.data.n", scope="fn")],
        debounce=None,
        priority=inngest.Priority(run="event.data.n"),
        singleton=inngest.Singleton(mode="skip", key="event.data.n"),
        throttle=inngest.Throttle(limit=10, period=60_000, key="event.data.n", burst=2),
        timeouts=inngest.Timeouts(start=HOUR, finish=3_600_000),
    )
    def every_option(ctx: inngest.ContextSync) -> dict[str, object]:
        return {"n": ctx.event.data["n"]}

    return every_option


def of_0_4(client: inngest.Inngest) -> list[inngest.Function[Any]]:
    """Define functions with handlers `(ctx, step)`, of both kinds."""

    @client.create_function(fn_id="child", trigger=inngest.TriggerEvent(event="shop/child"))
    def child(ctx: inngest.Context, step: inngest.StepSync) -> int:
        return int(str(ctx.event.data["n"])) * 2

    @client.create_function(fn_id="old", trigger=inngest.TriggerEvent(event="shop/old"), retries=0)
    def old(ctx: inngest.Context, step: inngest.StepSync) -> dict[str, object]:
        event = OrderPlaced.model_validate(ctx.event.model_dump())
        total = step.run("total", functools.partial(add, 1), event.data.order.total)
        step.sleep("nap", 1)
        step.sleep_until("until", datetime.datetime.now(datetime.UTC))
        both = step.parallel((lambda: step.run("a", lambda: "a"), lambda: step.run("b", lambda: "b")))
        doubled = step.invoke("invoke", function=child, data={"n": 2}, timeout=HOUR)
        again = step.invoke_by_id("by-id", app_id="shop", function_id="child", data={"n": 3})
        return {"total": total, "both": list(both), "doubled": doubled, "again": again, "fn": ctx.run_id != ""}

    @client.create_function(fn_id="old-async", trigger=inngest.TriggerEvent(event="shop/old-async"))
    async def old_async(ctx: inngest.Context, step: inngest.Step) -> dict[str, object]:
        async def read(n: int) -> int:
            return n

        both = await step.parallel((lambda: step.run("a", read, 1), lambda: step.run("b", lambda: 2)))
        return {"both": list(both), "doubled": await step.invoke("invoke", function=child, data={"n": 2})}

    return [child, old, old_async]


def of_0_5(client: inngest.Inngest) -> list[inngest.Function[Any]]:
    """Define functions with handlers `(ctx)`, of both kinds."""

    @inngest.experimental.step("decorated")
    async def decorated(n: int) -> int:
        return n + 1

    async def on_failure(ctx: inngest.Context) -> None:
        await ctx.step.send_event("tell", inngest.Event(name="shop/told", data={"attempt": ctx.attempt}))

    @client.create_function(
        fn_id="new",
        trigger=inngest.TriggerEvent(event="shop/new"),
        output_type=dict[str, object],
        retries=0,
    )
    async def new(ctx: inngest.Context) -> dict[str, object]:
        async def order() -> Order:
            return Order(id="1", total=3)

        placed = await ctx.step.run("order", order, output_type=Order)
        waited = await ctx.step.wait_for_event(
            "wait", event="shop/never", if_exp="async.data.id == event.data.id", timeout=datetime.timedelta(seconds=1)
        )
        groups = await ctx.group.parallel(
            (lambda: ctx.step.run("a", lambda: 1), lambda: ctx.step.run("b", lambda: 2)),
            parallel_mode=inngest.ParallelMode.WAIT,
        )
        ids = await ctx.step.send_event("send", [inngest.Event(name="shop/sent", data={"n": 1})])
        one = inngest.experimental.get_step_context() is ctx.step
        return {
            "total": placed.total,
            "waited": waited,
            "groups": list(groups),
            "ids": len(ids),
            "decorated": await decorated(1),
            "one": one,
            "ids_of_the_call": bool(ctx.job_id and ctx.request_id),
        }

    @client.create_function(
        fn_id="failing", trigger=inngest.TriggerEvent(event="shop/fail"), retries=3, on_failure=on_failure
    )
    async def failing(ctx: inngest.Context) -> dict[str, object]:
        try:
            await ctx.step.run("refused", refuse)
            caught = "nothing"
        except inngest.StepError as error:
            caught = error.message
        if ctx.attempt == 0:
            raise inngest.RetryAfterError("later", 10, quiet=True)
        raise inngest.NonRetriableError(f"never: {caught}")

    return [new, failing]


def add(a: int, b: int) -> int:
    return a + b


def refuse() -> None:
    raise inngest.NonRetriableError(message="no", quiet=True)


def functions(client: inngest.Inngest) -> list[inngest.Function[Any]]:
    return [options(client), *of_0_4(client), *of_0_5(client)]
