"""Work that goes from one loop to another one, which may be busy or closed."""

from __future__ import annotations

import asyncio
import functools
import threading

import pytest

from inngest_connect.handover import Handover

from .loops import on_a_loop


@on_a_loop
async def test_what_many_threads_put_in_is_called_in_the_order_of_each() -> None:
    handover = Handover(asyncio.get_running_loop())
    called: list[tuple[int, int]] = []
    done = asyncio.Event()

    def put(thread: int) -> None:
        for number in range(500):
            handover.put(functools.partial(called.append, (thread, number)))
        handover.put(functools.partial(called.append, (thread, 500)))
        handover.put(lambda: done.set() if len(called) == 4 * 501 else None)

    threads = [threading.Thread(target=put, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(20):
        await done.wait()
    for thread_number in range(4):
        assert [number for one, number in called if one == thread_number] == list(range(501))


@on_a_loop
async def test_what_raises_does_not_keep_the_others_back() -> None:
    loop, called = asyncio.get_running_loop(), asyncio.Event()
    reported: list[object] = []
    loop.set_exception_handler(lambda _loop, context: reported.append(context.get("exception")))
    handover = Handover(loop)

    def broken() -> None:
        raise ValueError("broken")

    handover.put(broken)
    handover.put(called.set)
    async with asyncio.timeout(20):
        await called.wait()
    assert [str(error) for error in reported] == ["broken"]


def test_a_loop_that_is_closed_takes_nothing() -> None:
    loop = asyncio.new_event_loop()
    handover = Handover(loop)
    handover.put(int)
    loop.close()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="closed"):
            handover.put(int)
