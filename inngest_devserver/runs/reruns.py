"""Runs that are done again: from their beginning, or from one step with what came before it. Starts nothing.

What a step with given arguments looks like to apps: docs/protocol.md, "Memos".
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from inngest_core.protocol.wire import hash_id
from inngest_devserver.storage.store import Store

from .active import ActiveRuns
from .run import Run


class StepMissingError(ValueError):
    """The run has no such step."""


@dataclass(frozen=True, slots=True)
class Again:
    """What a run that does another one again knows beforehand.

    run_id: the other run. memos: those that it keeps, in their order. step_id: of the step with which it goes on, if
    there is one. arguments: those of that step as a JSON array, if others are given than the function passes.
    """

    run_id: str
    memos: tuple[tuple[str, bytes], ...] = ()
    step_id: str = ""
    arguments: bytes | None = None

    def with_input(self, arguments: bytes) -> Again:
        """Return the same with other arguments for the step, a JSON array."""
        return dataclasses.replace(self, arguments=arguments)

    def tell(self, run: Run, active: ActiveRuns) -> None:
        """Let *run*, which has not been called yet, know it."""
        for step_id, memo in self.memos:
            active.remember(run, step_id, memo)
        if self.arguments is not None:
            active.give_input(run, self.step_id, self.arguments)


def from_step(store: Store, run_id: str, step: str) -> Again:
    """Return what a rerun from *step* knows: the memos of the steps that were done before it.

    step: the hashed id of a step, or the id that the function gives it. Raises StepMissingError.
    """
    known = store.memos(run_id)
    order = [step_id for step_id, _ in known]
    met = {row.step_id for row in store.history(run_id)} | set(order)
    step_id = next((each for each in (step, hash_id(step)) if each in met), None)
    if step_id is None:
        raise StepMissingError(f'run {run_id} has no step "{step}"')
    before = known[: order.index(step_id)] if step_id in order else known
    return Again(run_id, tuple(before), step_id)
