"""Lines of calls that need the same: when the first one of a lane must wait, all of it must. Pure data structures."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from inngest_devserver.storage.tables import JobRow

from .meters import Metered
from .placement import Need

_numbers = itertools.count()


@dataclass(slots=True)
class Slot:
    """Turns that calls share. holders: who has one, a call or a run, with the id of the run. waiters: by function.

    lanes: how many need it.
    """

    holders: dict[object, str] = field(default_factory=dict[object, str])
    lanes: int = 0
    waiters: dict[str, LaneHeap] = field(default_factory=dict[str, "LaneHeap"])


@dataclass(slots=True, eq=False)
class Lane:
    """Calls of one function with the same needs, lowest rank first.

    standing: the heap that the lane stands in, if any, and ticket: its place there. woken_by: a slot with room for it.
    """

    key: LaneKey
    function_id: str
    needs: tuple[tuple[Slot, Need], ...]
    run_needs: tuple[tuple[Slot, Need], ...]
    throttle: Metered | None
    standing: LaneHeap | None = None
    ticket: int = -1
    woken_by: Slot | None = None
    _jobs: list[tuple[float, int, JobRow]] = field(default_factory=list[tuple[float, int, JobRow]])

    def add(self, job: JobRow, rank: float) -> None:
        heapq.heappush(self._jobs, (rank, next(_numbers), job))

    def head(self, is_current: Callable[[JobRow], bool]) -> JobRow | None:
        """Return the next job that still counts; forget those before it."""
        while self._jobs:
            if is_current(self._jobs[0][2]):
                return self._jobs[0][2]
            heapq.heappop(self._jobs)
        return None

    def take(self) -> JobRow:
        return heapq.heappop(self._jobs)[2]

    @property
    def all_needs(self) -> tuple[tuple[Slot, Need], ...]:
        return (*self.run_needs, *self.needs)

    @property
    def rank(self) -> Rank:
        """Return where the next job stands: of jobs of one moment, the one that came first."""
        return self._jobs[0][:2] if self._jobs else (0.0, 0)

    def __len__(self) -> int:
        return len(self._jobs)


Rank = tuple[float, int]
"""A moment, and the number that tells those of one moment apart."""
LaneKey = tuple[str, tuple[Need, ...], tuple[Need, ...], Metered | None]


class LaneHeap:
    """Lanes by the rank of their first job, or by a moment; a lane stands in one heap at a time."""

    def __init__(self) -> None:
        self._entries: list[tuple[Rank, int, Lane]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, lane: Lane, order: Rank) -> None:
        """Put a lane in, or, when it is in, to another place."""
        if lane.standing is not self:
            if lane.standing is not None:
                lane.standing.leave(lane)
            lane.standing = self
            self._count += 1
        lane.ticket = next(_numbers)
        heapq.heappush(self._entries, (order, lane.ticket, lane))

    def leave(self, lane: Lane) -> None:
        if lane.standing is self:
            lane.standing = None
            self._count -= 1

    def first(self) -> Rank | None:
        """Return the order of the first lane."""
        while self._entries:
            order, ticket, lane = self._entries[0]
            if lane.standing is self and lane.ticket == ticket:
                return order
            heapq.heappop(self._entries)
        return None

    def peek(self) -> Lane | None:
        """Return the first lane."""
        return None if self.first() is None else self._entries[0][2]

    def pop(self) -> Lane | None:
        """Take the first lane out."""
        if self.first() is None:
            return None
        lane = heapq.heappop(self._entries)[2]
        self.leave(lane)
        return lane
