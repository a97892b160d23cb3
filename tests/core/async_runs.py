"""Runs of async functions over steps that count how often they were executed, on every loop and in seeded orders."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

import inngest
from inngest_core.serving.app import App
from inngest_core.web.messages import Response
from tests.cases.case import Call
from tests.stage.asks import ASKS, Ask, ask_async
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import request_of, serving

EVERYWHERE = pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__)
"""Under the sync driver, and under the async one on asyncio's loop and on uvloop's."""

SEEDS = pytest.mark.parametrize("seed", range(6))

Handler = Callable[[inngest.Context], Awaitable[object]]


@dataclass(slots=True)
class Count:
    """Counts how often each step was executed."""

    executed: dict[str, int] = field(default_factory=dict[str, int])

    async def step(self, ctx: inngest.Context, name: str) -> str:
        return await ctx.step.run(name, self._run, name)

    async def _run(self, name: str) -> str:
        await asyncio.sleep(0)
        self.executed[name] = self.executed.get(name, 0) + 1
        return name


async def boom(message: str) -> str:
    raise ValueError(message)


def run_to_its_end(handler: Handler, ask: Ask, seed: int = 0, *, race: bool = False, **options: Any) -> object:
    """Run *handler* on the in-test engine, planned steps being done in an order that the seed gives."""
    chosen = random.Random(seed)  # noqa: S311 - an order, not a secret
    with serving(handler, **options) as app:
        return InProcessEngine(app, ask, chosen.randrange).run(race=race)


@contextmanager
def no_garbage_collector() -> Generator[None]:
    """Have Python collect no garbage meanwhile: it takes up to a second of CPU time when many tests have run."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def ask_now(app: App, call: Call | None = None) -> Response:
    return ask_async(app, request_of(call))


def as_lists(value: Any) -> Any:
    assert isinstance(value, list)
    return value  # pyright: ignore[reportUnknownVariableType] - JSON
