"""The runs of agents of pydantic-ai in a call: which is which, so that the ids of their steps stay the same."""

from __future__ import annotations

import weakref
from typing import Any

from inngest_core.execution.context import Context


class Runs:
    """The runs of agents in a call. They are told apart by the order in which they begin, as in every call."""

    def __init__(self, ctx: Context[Any]) -> None:
        self._run_id = ctx.run_id
        self._begun = 0
        self._known: dict[str | None, list[str | None]] = {}

    def begin(self, agent_name: str | None) -> str:
        """Return the id of another run."""
        self._begun += 1
        run_id = f"{self._run_id}:{self._begun}"
        self.suffix(agent_name, run_id)
        return run_id

    def suffix(self, agent_name: str | None, run_id: str | None) -> str:
        """Return what the ids of steps end with, so that those of two runs of one agent cannot be mixed up."""
        known = self._known.setdefault(agent_name, [])
        if run_id not in known:  # one that the user has chosen
            known.append(run_id)
        number = known.index(run_id) + 1
        return "" if number == 1 else f"~{number}"


_runs: weakref.WeakKeyDictionary[Any, Runs] = weakref.WeakKeyDictionary()


def runs_of(ctx: Context[Any]) -> Runs:
    """Return the runs of agents in a call."""
    if ctx not in _runs:
        _runs[ctx] = Runs(ctx)
    return _runs[ctx]
