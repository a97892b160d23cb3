"""The option that says whether, and how, the steps of a function are saved while a call goes on.

Values only; what saving is, is in `execution/checkpoint.py`. Nothing of it goes over the wire.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator

from inngest_core.protocol.duration import to_ms
from inngest_core.protocol.limits import MAX_STEPS

from .option import Option, Problem
from .options import LONGEST_MS, problems_of, within

DEFAULT_MAX_RUNTIME = datetime.timedelta(seconds=10)

CHECKPOINTING_RULE = "True, False or inngest.Checkpointing(...)"


class Checkpointing(Option):
    """Save the results of steps at the engine while the function goes on, and say when to end a call all the same."""

    buffered_steps: int = 1
    """How many results are saved at a time, 1 to 1000. A process that dies loses those that were not saved yet, and
    their steps run again."""
    max_interval: int | datetime.timedelta | None = None
    """Save what there is when so much time has passed since the last saving, in milliseconds or as a timedelta. It is
    looked at when a step has ended, and makes a difference only with several buffered steps."""
    max_runtime: int | datetime.timedelta | None = DEFAULT_MAX_RUNTIME
    """How long a call may go on: after that, the next new step is left to another call. It is looked at before each
    new step, so a call takes up to so long, and one step. In milliseconds or as a timedelta; None for no limit."""

    def problems(self) -> Iterator[Problem]:
        if not 1 <= self.buffered_steps <= MAX_STEPS:
            yield "buffered_steps", self.buffered_steps, f"a whole number of 1 to {MAX_STEPS}"
        rule = "1 millisecond to 292 years, or None"
        yield from within(self.max_interval, "max_interval", 1, LONGEST_MS, rule)
        yield from within(self.max_runtime, "max_runtime", 1, LONGEST_MS, rule)

    @property
    def max_interval_seconds(self) -> float | None:
        return None if self.max_interval is None else to_ms(self.max_interval) / 1000

    @property
    def max_runtime_seconds(self) -> float | None:
        return None if self.max_runtime is None else to_ms(self.max_runtime) / 1000


CheckpointingOption = bool | Checkpointing
"""What a client and a function take: True for the usual settings, False for none of it."""


def problems_of_checkpointing(given: object, field: str) -> Iterator[Problem]:
    """Yield what is wrong with the option."""
    if isinstance(given, Checkpointing):
        yield from problems_of(given, field)
    elif not isinstance(given, bool):
        yield field, given, CHECKPOINTING_RULE


def choose_checkpointing(function: CheckpointingOption | None, client: CheckpointingOption) -> Checkpointing | None:
    """Return the settings of a function, given its option and its client's; None when its steps are not saved.

    True on a function means the settings of its client, or the usual ones where the client says False.
    """
    given = client if function is None or (function is True and client is not False) else function
    if isinstance(given, Checkpointing):
        return given
    return _usual() if given else None


@functools.cache  # every call asks; not made at import, where it would build a schema
def _usual() -> Checkpointing:
    return Checkpointing()
