"""The branches of parallel groups, and one step id that is met in two of them. Values and rules only.

The n-th use of an id is one step, counted in the order in which the function meets them. In two branches that order
may differ from call to call, and then one branch is given what the other one's step returned.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from dataclasses import dataclass

from inngest_core.errors import StepIdClashError


@dataclass(slots=True, eq=False)
class Branch:
    """One branch of one parallel group.

    number: 1 for the first. group: the same object for all branches of it. parent: the branch that the group is in.
    met: how many steps were met in the branch so far. nested: whether a group was met in it.
    """

    number: int
    group: object
    parent: Branch | None
    met: int = 0
    nested: bool = False

    def __str__(self) -> str:
        return "branch " + ".".join(str(each.number) for each in reversed(list(self._path())))

    def _path(self) -> Iterator[Branch]:
        branch: Branch | None = self
        while branch is not None:
            yield branch
            branch = branch.parent

    def beside(self, other: Branch) -> bool:
        """Tell whether the two run side by side: they are in different branches of one group."""
        groups = {id(each.group): each for each in other._path()}
        return any(groups.get(id(each.group), each) is not each for each in self._path())


current_branch: contextvars.ContextVar[Branch | None] = contextvars.ContextVar("inngest_branch", default=None)
"""A context variable, not a flag: every branch and every task has its own."""


def branches(count: int) -> list[Branch]:
    """Return the branches of a group that is met here."""
    parent = current_branch.get()
    if parent is not None:
        parent.nested = True
    group = object()
    return [Branch(number, group, parent) for number in range(1, count + 1)]


def refuse_swapped(step_id: str, earlier: Branch, met: int, later: Branch) -> None:
    """Raise StepIdClashError when the uses of an id, in branches that run one after another, are sure to be swapped.

    met: how many steps the earlier branch had met when it met this id. A later branch that is less far meets the id in
    the call in which the earlier one still waits for those steps: its use is the first one then, and the second one
    in the next call.
    """
    if earlier.group is later.group and not earlier.nested and not later.nested and met > later.met:
        raise StepIdClashError(
            f'step "{step_id}" is met in {earlier} of a parallel group after {_steps(met)}, and in {later} after '
            f"{_steps(later.met)}, so one branch would be given the result of the other; give each step its own id, "
            f'such as "{step_id}-{earlier.number}" and "{step_id}-{later.number}"'
        )


def _steps(count: int) -> str:
    return {0: "no step", 1: "1 step"}.get(count, f"{count} steps")
