"""The current call, and the decorator that keeps the signature of what it decorates."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, assert_type

import inngest
import inngest.experimental


def which() -> None:
    assert_type(inngest.current(), inngest.Context | inngest.ContextSync)
    assert_type(inngest.current(inngest.ContextSync).step, inngest.StepSync)
    assert_type(inngest.experimental.get_step_context(), inngest.Step | inngest.StepSync)
    with inngest.experimental.set_step_context(inngest.current().step):
        pass


async def in_a_library() -> None:
    step = inngest.current(inngest.Context).step
    assert_type(await step.run("a", lambda: 1), int)


@inngest.experimental.step("load")
def load(key: int, *, fresh: bool = False) -> str:
    return f"{key}{fresh}"


@inngest.experimental.step("fetch")
async def fetch(key: int) -> str:
    return str(key)


def kept() -> None:
    assert_type(load(1, fresh=True), str)
    load("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    takes_int: Callable[[int], Coroutine[Any, Any, str]] = fetch
    takes_int(1).close()
