"""Sync functions under an async server: how many run at a time, and what is said when more are asked for."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

import inngest
from inngest_core.errors import ConfigError
from inngest_core.runtime.pool import DEFAULT_SIZE, Pool
from inngest_core.serving.app import App
from tests.cases.case import Call
from tests.stage.one_function import request_of, serving, shown

PATIENCE = 20.0
FULL = "threads for sync functions are busy"


async def ask_many(app: App, count: int) -> list[int]:
    return [each.status for each in await asyncio.gather(*(app.handle_async(request_of()) for _ in range(count)))]


def test_forty_sync_functions_run_at_a_time(caplog: pytest.LogCaptureFixture) -> None:
    together = threading.Barrier(40, timeout=PATIENCE)

    def handler(ctx: inngest.ContextSync) -> None:
        together.wait()

    with serving(handler) as app:
        for _ in range(2):
            assert asyncio.run(ask_many(app, 40)) == [200] * 40
    assert DEFAULT_SIZE == 40
    assert FULL not in caplog.text


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if FULL in record.getMessage()]


def said_by_a_pool_that_is_filled_twice(caplog: pytest.LogCaptureFixture, **options: float) -> list[str]:
    """Return what a pool of two threads says of five calls at once, and of five more when those have ended."""

    async def main() -> None:
        pool = Pool(2, **options)
        for _ in range(2):
            go_on = threading.Event()
            asked = [asyncio.create_task(pool.run(lambda: go_on.wait(PATIENCE))) for _ in range(5)]  # noqa: B023
            await asyncio.sleep(0)  # all of them are in the pool
            go_on.set()
            assert await asyncio.gather(*asked) == [True] * 5
        pool.close()

    with caplog.at_level(logging.WARNING, logger="inngest"):
        asyncio.run(main())
    return warnings_of(caplog)


def test_a_full_pool_says_so_once_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    assert said_by_a_pool_that_is_filled_twice(caplog) == [
        "all 2 threads for sync functions are busy, and calls wait (1 now); allow more with "
        "Inngest(thread_pool_max_workers=) or INNGEST_THREAD_POOL_MAX_WORKERS, or make the functions async def"
    ]


def test_a_full_pool_says_so_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    said = said_by_a_pool_that_is_filled_twice(caplog, warn_again_seconds=0.0)
    assert [text.partition("(")[2][:5] for text in said] == ["1 now", "2 now", "3 now"] * 2


def test_a_sync_function_more_than_there_are_threads_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()

    def handler(ctx: inngest.ContextSync) -> object:
        return {"went on": go_on.wait(PATIENCE)}

    async def main(count: int) -> list[int]:
        asked = asyncio.create_task(ask_many(app, count))
        for _ in range(5):
            await asyncio.sleep(0)  # all of them are in the pool
        go_on.set()
        return await asked

    with caplog.at_level(logging.WARNING, logger="inngest"), serving(handler, thread_pool_max_workers=2) as app:
        assert asyncio.run(main(2)) == [200] * 2
        assert warnings_of(caplog) == []
        go_on.clear()
        assert asyncio.run(main(3)) == [200] * 3
        assert len(warnings_of(caplog)) == 1


def test_a_call_that_is_cancelled_while_it_waits_leaves_its_place(caplog: pytest.LogCaptureFixture) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work() -> bool:
        begun.set()
        return go_on.wait(PATIENCE)

    async def main() -> None:
        pool = Pool(1)
        first = asyncio.create_task(pool.run(work))
        await asyncio.to_thread(begun.wait, PATIENCE)
        waits = asyncio.create_task(pool.run(work))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait([waits], timeout=PATIENCE)
        assert waits.cancelled()
        go_on.set()
        assert (await first) is True
        caplog.clear()
        assert (await pool.run(work)) is True
        assert warnings_of(caplog) == []
        pool.close()

    asyncio.run(main())


def on_the_loop(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"thread_pool_max_workers": 0}


def by_the_variable(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("INNGEST_THREAD_POOL_MAX_WORKERS", "0")
    return {}


def over_the_variable(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("INNGEST_THREAD_POOL_MAX_WORKERS", "7")
    return {"thread_pool_max_workers": 0}


@pytest.mark.parametrize("options", [on_the_loop, by_the_variable, over_the_variable])
def test_no_threads_at_all(
    options: Callable[[pytest.MonkeyPatch], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(ctx: inngest.ContextSync) -> object:
        asyncio.get_running_loop()
        return [ctx.step.run("a", lambda: 1), threading.current_thread() is threading.main_thread()]

    def stops(ctx: inngest.ContextSync) -> object:
        raise StopIteration("end")

    with serving(handler, **options(monkeypatch)) as app:
        status, [op] = shown(asyncio.run(app.handle_async(request_of())))
        assert (status, op["op"]) == (206, "StepRun")
        memo = request_of(Call(steps={"a": {"data": 1}}))
        assert shown(asyncio.run(app.handle_async(memo))) == (200, [1, True])
    with serving(stops, **options(monkeypatch)) as app:
        status, body = shown(asyncio.run(app.handle_async(request_of())))
        assert (status, body["name"]) == (500, "StopIteration")


@pytest.mark.parametrize("size", [-1, 2.0, True, "4"])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        inngest.Inngest(app_id="app", is_production=False, thread_pool_max_workers=size)
    assert caught.value.message == f"thread_pool_max_workers is {size!r}; give a whole number of 0 or more"
