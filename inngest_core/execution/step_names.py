"""The names of steps that were planned, by their ids on the wire: an engine that asks for one tells only its id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inngest_core.protocol.wire import hash_id

MOST_NAMES = 10_000
MOST_REPETITIONS = 10


class StepNames:
    """Remembers planned steps for a client, up to a bound. It may forget: nothing but a message depends on it."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def keep(self, steps: Iterable[tuple[str, str, int]]) -> None:
        """Remember steps: the id on the wire, the id in the code, and how many uses of that came before."""
        if len(self._names) >= MOST_NAMES:
            self._names.clear()
        self._names.update({hashed: name_of_use(step_id, index) for hashed, step_id, index in steps})

    def find(self, hashed: str, met: Sequence[str]) -> str | None:
        """Return what to call a step that was not met, if that is known. met: the ids in the code of those that were.

        It may be one use more of an id that was met: a loop that came to its end sooner.
        """
        name = self._names.get(hashed)
        if name is not None:
            return name
        for step_id in dict.fromkeys(met):
            used = met.count(step_id)
            for index in range(used, used + MOST_REPETITIONS):
                if hash_id(step_id, index) == hashed:
                    return name_of_use(step_id, index)
        return None


def name_of_use(step_id: str, index: int) -> str:
    """Return what to call the use of a step id that has the given number, from 0."""
    return f'"{step_id}"' if index == 0 else f'"{step_id}" (use number {index + 1} of this id)'
