"""Time-outs that pass at once, through seams that are public: the effects of a flow, and the clock of a loop."""

from __future__ import annotations

import asyncio
import dataclasses
import selectors
from dataclasses import dataclass
from typing import TypeVar

from inngest_core.runtime.effects import Effect, Flow, Invoke, Now, Settle

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 0.02
"""How long a flow really waits for news from a body, before the rest of that time is skipped."""


@dataclass(slots=True)
class Skipped:
    """How much of a flow's time did not pass."""

    seconds: float = 0.0


def hurried(flow: Flow[T], skipped: Skipped | None = None) -> Flow[T]:
    """Return *flow* with a clock that jumps to the end of every long wait for a body."""
    skipped = skipped or Skipped()
    try:
        effect = next(flow)
        while True:
            try:
                result: object = yield _shortened(effect, skipped)
            except BaseException as error:  # the flow decides
                effect = flow.throw(error)
            else:
                effect = flow.send(_as_if_waited(effect, result, skipped))
    except StopIteration as end:
        returned: T = end.value
        return returned


def _shortened(effect: Effect, skipped: Skipped) -> Effect:
    match effect:
        case Settle(seconds=float(seconds)):
            return dataclasses.replace(effect, seconds=min(seconds, LONGEST_WAIT_SECONDS))
        case Invoke(flow, is_async):
            return Invoke(hurried(flow, skipped), is_async)
        case _:
            return effect


def _as_if_waited(effect: Effect, result: object, skipped: Skipped) -> object:
    match effect, result:
        case Settle(seconds=float(seconds)), False:
            skipped.seconds += seconds
        case Now(), float(now):
            return now + skipped.seconds
        case _:
            pass
    return result


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop that waits for no timer: when nothing else is to be done, its clock jumps to the next one."""

    def __init__(self) -> None:
        self.skipped = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return super().time() + self.skipped


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if timeout and not ready:
            self._loop.skipped += timeout
        return ready
