"""What engines do over time, as one list of scenarios, each of which runs on two stages.

A stage says how long its units are: on one a day passes in a call, on the other everything is short and real. What a
scenario expects is said in these units. Knows no engine, no clock and no socket; `stages.py` has those.
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .harness import Called, Reply, Script, op, ops, planned, raised, ran, returned


class Stage(abc.ABC):
    """unit: seconds of a sleep. period: seconds of flow control, of which engines take no less than one.

    cron: an expression that fires so many times in `year` seconds, counted from the beginning.
    """

    unit: float
    period: float
    cron: tuple[str, int]
    year: float

    @abc.abstractmethod
    async def serve(self, function: str, script: Script, **config: Any) -> None:
        """Register one more function, which the event of its name starts."""

    @abc.abstractmethod
    def served(self) -> int:
        """Return how many functions are registered."""

    @abc.abstractmethod
    def event(self, name: str) -> str:
        """Return the full name of an event: scenarios on one engine have events of their own."""

    async def send(self, event: str, data: dict[str, Any] | None = None) -> str:
        """Send an event, and return its id."""
        return (await self.send_together(event, data or {}))[0]

    @abc.abstractmethod
    async def send_together(self, event: str, *data: dict[str, Any]) -> list[str]:
        """Send events in one request, so that no time passes between them; return their ids."""

    @abc.abstractmethod
    async def at(self, seconds: float) -> None:
        """Wait until so much time has passed since the beginning."""

    @abc.abstractmethod
    async def called(self, function: str, times: int) -> None:
        """Wait until a function has been called so often, without that time is to pass for it."""

    @abc.abstractmethod
    async def work(self, seconds: float) -> None:
        """Let a call take so long."""

    @abc.abstractmethod
    async def ended(self, event: str) -> dict[str, Any]:
        """Wait for the end of the one run of an event, and return it."""

    @abc.abstractmethod
    async def runs(self, event: str) -> list[dict[str, Any]]: ...

    @abc.abstractmethod
    def calls(self, function: str) -> list[tuple[float, Called]]:
        """Return the calls of a function, each with the seconds since the beginning."""

    @abc.abstractmethod
    def is_at(self, actual: float, expected: float) -> bool:
        """Tell whether something happened when it should have, in seconds since the beginning."""

    def check_times(self, function: str, expected: list[float]) -> None:
        times = [time for time, _ in self.calls(function)]
        assert len(times) == len(expected), times
        assert all(map(self.is_at, times, expected)), (times, expected)


def text(seconds: float) -> str:
    """Return a duration as apps write it."""
    return f"{round(seconds * 1000)}ms"


def nap(step: str, seconds: float) -> dict[str, Any]:
    return {**op("Sleep", step), "name": text(seconds)}


def wait(step: str, event: str, seconds: float) -> dict[str, Any]:
    return {**op("WaitForEvent", step), "opts": {"event": event, "timeout": text(seconds)}}


def done(_: Called) -> Reply:
    return returned("done")


async def a_month_of_sleeps(stage: Stage) -> None:
    def script(call: Called) -> Reply:
        slept = len(call.stack)
        return returned(slept) if slept == 30 else ops(nap(f"night {slept}", stage.unit))

    await stage.serve("sleeps", script)
    run = await stage.ended(await stage.send("sleeps"))
    assert (run["status"], run["output"]) == ("Completed", 30)
    stage.check_times("sleeps", [stage.unit * night for night in range(31)])


async def an_event_ends_a_wait(stage: Stage) -> None:
    def script(call: Called) -> Reply:
        if call.targets("ready"):
            return ops(ran("ready"))
        if call.has("w"):
            return returned(call.memo("w"))
        return ops(wait("w", stage.event("paid"), 99 * stage.unit), planned("ready"))

    await stage.serve("order", script)
    event = await stage.send("order")
    await stage.called("order", 2)  # the engine knows of the wait when it calls for the other step
    await stage.at(2 * stage.unit)
    await stage.send("paid", {"n": 7})
    run = await stage.ended(event)
    assert run["output"]["data"] == {"n": 7}
    stage.check_times("order", [0, 0, 2 * stage.unit])


async def a_wait_is_given_up(stage: Stage) -> None:
    def script(call: Called) -> Reply:
        return returned(call.memo("w")) if call.has("w") else ops(wait("w", "never", 3 * stage.unit))

    await stage.serve("waits", script)
    run = await stage.ended(await stage.send("waits"))
    assert (run["status"], run["output"]) == ("Completed", None)
    stage.check_times("waits", [0, 3 * stage.unit])


async def a_step_is_tried_again(stage: Stage) -> None:
    def script(call: Called) -> Reply:
        attempt = call.ctx["attempt"]
        return returned(attempt) if attempt == 2 else raised("not yet", retry_after="1")

    await stage.serve("flaky", script)
    run = await stage.ended(await stage.send("flaky"))
    assert (run["status"], run["output"]) == ("Completed", 2)
    stage.check_times("flaky", [0, 1, 2])


async def parallel_steps_are_waited_for_together(stage: Stage) -> None:
    def script(call: Called) -> Reply:
        if call.targets("work"):
            return ops(ran("work", 1))
        if len(call.stack) == 3:
            return returned("joined")
        return ops(nap("short", stage.unit), nap("long", 4 * stage.unit), planned("work"))

    await stage.serve("parallel", script)
    assert (await stage.ended(await stage.send("parallel")))["output"] == "joined"
    stage.check_times("parallel", [0, 0, 4 * stage.unit])


async def an_event_cancels_a_run(stage: Stage) -> None:
    rule = {"event": stage.event("stop")}
    await stage.serve("cancelled", lambda call: ops(nap("long", 100 * stage.unit)), cancel=[rule])
    event = await stage.send("cancelled")
    await stage.called("cancelled", 1)
    await stage.at(stage.unit)
    await stage.send("stop")
    assert (await stage.ended(event))["status"] == "Cancelled"
    stage.check_times("cancelled", [0])


async def a_run_that_takes_too_long_is_cancelled(stage: Stage) -> None:
    limit = {"finish": text(stage.period)}
    await stage.serve("slow", lambda call: ops(nap("long", 10 * stage.period)), timeouts=limit)
    assert (await stage.ended(await stage.send("slow")))["status"] == "Cancelled"


async def a_debounce_runs_with_the_last_event(stage: Stage) -> None:
    period = 4 * stage.period  # in real time the second event must not come after the end of the first one's
    await stage.serve("debounced", lambda call: returned(call.body["event"]["data"]), debounce={"period": text(period)})
    first = await stage.send("debounced", {"n": 1})
    await stage.at(stage.period / 2)
    last = await stage.send("debounced", {"n": 2})
    assert (await stage.ended(last))["output"] == {"n": 2}
    assert await stage.runs(first) == []
    stage.check_times("debounced", [stage.period / 2 + period + 1])


async def a_batch_ends_when_it_is_full_or_old(stage: Stage) -> None:
    def script(call: Called) -> Reply:
        return returned([event["data"]["n"] for event in call.body["events"]])

    await stage.serve("batched", script, batchEvents={"maxSize": 3, "timeout": _of(stage)})
    events = await stage.send_together("batched", *({"n": n} for n in range(4)))
    assert (await stage.ended(events[0]))["output"] == [0, 1, 2]
    assert (await stage.ended(events[3]))["output"] == [3]
    stage.check_times("batched", [0, stage.period + 0.25])


async def a_throttle_spreads_runs(stage: Stage) -> None:
    await stage.serve("throttled", done, throttle={"limit": 1, "period": _of(stage)})
    events = [await stage.send("throttled") for _ in range(3)]
    for event in events:
        assert (await stage.ended(event))["status"] == "Completed"
    stage.check_times("throttled", [0, stage.period, 2 * stage.period])


async def a_rate_limit_drops_what_is_too_much(stage: Stage) -> None:
    await stage.serve("limited", done, rateLimit={"limit": 1, "period": _of(stage)})
    first, second = await stage.send_together("limited", {}, {})
    assert (await stage.ended(first))["status"] == "Completed"
    ((began, _),) = stage.calls("limited")  # when the first had arrived
    await stage.at(began + 1.5 * stage.period)
    third = await stage.send("limited")
    assert (await stage.ended(third))["status"] == "Completed"
    assert await stage.runs(second) == []
    stage.check_times("limited", [0, began + 1.5 * stage.period])


async def concurrency_makes_calls_wait(stage: Stage) -> None:
    async def script(_: Called) -> Reply:
        await stage.work(3 * stage.unit)
        return returned(None)

    await stage.serve("crowded", script, concurrency=[{"limit": 2}])
    for event in [await stage.send("crowded") for _ in range(5)]:
        assert (await stage.ended(event))["status"] == "Completed"
    stage.check_times("crowded", [0, 0, 3 * stage.unit, 3 * stage.unit, 6 * stage.unit])


async def a_singleton_runs_alone(stage: Stage) -> None:
    def script(call: Called) -> Reply:
        return returned("done") if call.stack else ops(nap("nap", 3 * stage.unit))

    await stage.serve("single", script, singleton={"mode": "skip"})
    first, skipped = await stage.send_together("single", {}, {})
    assert (await stage.ended(first))["output"] == "done"
    second = await stage.send("single")
    assert (await stage.ended(second))["output"] == "done"
    assert await stage.runs(skipped) == []


async def a_key_starts_a_run_once(stage: Stage) -> None:
    await stage.serve("once", done, idempotency="event.data.key")
    first, again, other = [await stage.send("once", {"key": key}) for key in (1, 1, 2)]
    assert [(await stage.ended(event))["output"] for event in (first, other)] == ["done"] * 2
    assert await stage.runs(again) == []


async def a_cron_fires(stage: Stage) -> None:
    expression, times = stage.cron
    await stage.serve("cron", done, triggers=[{"cron": expression}])
    await stage.at(stage.year)
    await stage.called("cron", times)
    moments = [call.body["event"]["data"]["scheduledAt"] for _, call in stage.calls("cron")]
    assert len(set(moments)) == len(moments) == times


def _of(stage: Stage) -> str:
    return text(stage.period)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that an engine does. play: does it on a stage, and checks it."""

    play: Callable[[Stage], Awaitable[None]]

    @property
    def name(self) -> str:
        return getattr(self.play, "__name__", "")


SCENARIOS = [
    Scenario(play)
    for play in (
        a_month_of_sleeps,
        an_event_ends_a_wait,
        a_wait_is_given_up,
        a_step_is_tried_again,
        parallel_steps_are_waited_for_together,
        an_event_cancels_a_run,
        a_run_that_takes_too_long_is_cancelled,
        a_debounce_runs_with_the_last_event,
        a_batch_ends_when_it_is_full_or_old,
        a_throttle_spreads_runs,
        a_rate_limit_drops_what_is_too_much,
        concurrency_makes_calls_wait,
        a_singleton_runs_alone,
        a_key_starts_a_run_once,
        a_cron_fires,
    )
]
