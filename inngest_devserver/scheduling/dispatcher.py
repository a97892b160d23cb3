"""Which of the calls that are due is made next: limits and throttles are kept, and functions take turns.

Calls that need the same stand in one lane (`lanes.py`). A lane that must wait stands with the slot that is full, or by
the moment at which its throttle admits one more, and is looked at again only then: ten thousand waiting runs cost
nothing. Functions whose lanes can go on take turns, so that none starves another. No clock, no loop, no calls.

When the first run of a function has to wait for its key, the function pauses until one of its calls has ended, for a
second at most: so do other engines, which stop at such a run and look behind it the next time.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from dataclasses import dataclass, field

from inngest_devserver.storage.tables import JobRow

from .lanes import Lane, LaneHeap, LaneKey, Slot
from .meters import Meters
from .placement import Placement, SlotKey
from .queue import JobKind
from .reach import Reach
from .reasons import Busy, Full, Reason, Throttled, Unreached

_SHARE_OF_ONE_FUNCTION = 0.75
"""What one function may take of the calls that its app gets at once, so that another one still gets through."""
_ALWAYS = 2
"""Calls that a function gets although others, which may hang, have all that its app gets at once."""
_MORE_FOR_ALL = 0.5
"""How much more than it should an app may get for that: with 64 calls it is 96, and waitress takes 100 connections."""
_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class _Turns:
    """The calls of one function that are under way; open: lanes that nothing is known to hold. lanes: how many exist.

    backed_up: whether a run has had to wait for its key since the function last had no calls in line.
    """

    running: int = 0
    open: LaneHeap = field(default_factory=LaneHeap)
    lanes: int = 0
    backed_up: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A call that may be made now; it holds its slots until it is given back."""

    job: JobRow
    placement: Placement


class Dispatcher:
    """place: says where the calls of a run stand; None for a run that is gone. is_current: whether a job still counts.

    limit: calls that one app gets at once. reach: knows which apps are down. on_wait: told of a call that is held back,
    the first one of its lane.
    """

    def __init__(
        self,
        meters: Meters,
        *,
        limit: int,
        reach: Reach,
        place: Callable[[str], Placement | None],
        is_current: Callable[[JobRow], bool],
        on_wait: Callable[[JobRow], object] = bool,
    ) -> None:
        self._meters = meters
        self._place = place
        self._is_current = is_current
        self._on_wait = on_wait
        self._reach = reach
        self._limit = limit
        self._limit_of_function = max(1, int(limit * _SHARE_OF_ONE_FUNCTION))
        self._last_limit = int(limit * (1 + _MORE_FOR_ALL))
        self._lanes: dict[LaneKey, Lane] = {}
        self._slots: dict[SlotKey, Slot] = {}
        self._functions: dict[str, _Turns] = {}
        self._apps: dict[str, int] = {}
        self._rotation: collections.OrderedDict[str, str] = collections.OrderedDict()
        """Functions with an open lane that may be called, by id, with their apps; the first one is next."""
        self._paused: dict[str, float] = {}
        """Until when functions pause, by their ids; the first one is over first."""
        self._throttled = LaneHeap()
        self._held: dict[str, tuple[SlotKey, ...]] = {}
        """Slots of runs that hold them until they end."""

    # --- in line

    def add(self, job: JobRow) -> None:
        """Put a call that is due in line."""
        placement = self._place(job.run_id)
        if placement is None:
            return
        lane = self._lane(_lane_key(job, placement))
        before = lane.rank if len(lane) else None
        lane.add(job, placement.rank)
        if lane.standing is None:
            self._open(lane, placement.app_id)
        elif lane.standing is not self._throttled and before is not None and lane.rank < before:
            lane.standing.add(lane, lane.rank)

    def _lane(self, key: LaneKey) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            function_id, needs, run_needs, throttle = key
            lane = self._lanes[key] = Lane(
                key,
                function_id,
                tuple((self._slot(need.slot), need) for need in needs),
                tuple((self._slot(need.slot), need) for need in run_needs),
                throttle,
            )
            for slot, _ in lane.all_needs:
                slot.lanes += 1
            self._functions.setdefault(function_id, _Turns()).lanes += 1
        return lane

    def _slot(self, key: SlotKey) -> Slot:
        return self._slots.setdefault(key, Slot())

    def _open(self, lane: Lane, app_id: str) -> None:
        self._functions[lane.function_id].open.add(lane, lane.rank)
        self._rotation.setdefault(lane.function_id, app_id)

    # --- the next one

    def take(self, now: float) -> Turn | None:
        """Return the call to be made next, which holds its slots from now on; None when all must wait."""
        self._reach.look(now)
        if not self._rotation and not self._throttled:
            return None
        self._wake_throttled(now)
        self._end_pauses(now)
        passed_over: list[tuple[str, str]] = []
        try:
            while self._rotation:
                function_id, app_id = self._rotation.popitem(last=False)
                turns = self._functions[function_id]
                pauses = function_id in self._paused or not self._reach.may_call(app_id)
                if pauses or not self._has_turn(turns, app_id):
                    passed_over.append((function_id, app_id))
                    if not pauses:
                        self._tell_first(turns)
                    continue
                turn = self._from_lanes(turns, now)
                if turns.open:
                    self._rotation[function_id] = app_id
                if turn is not None:
                    return turn
            return None
        finally:
            # They are looked at again when a call of theirs has ended; until then it costs a look at each function.
            for function_id, app_id in reversed(passed_over):
                self._rotation[function_id] = app_id
                self._rotation.move_to_end(function_id, last=False)

    def _tell_first(self, turns: _Turns) -> None:
        job = None if (lane := turns.open.peek()) is None else lane.head(self._is_current)
        if job is not None:
            self._on_wait(job)

    def _has_turn(self, turns: _Turns, app_id: str) -> bool:
        return turns.running < self._limit_of_function and self._apps.get(app_id, 0) < self._limit_of_app(turns)

    def _limit_of_app(self, turns: _Turns) -> int:
        return self._last_limit if turns.running < _ALWAYS else self._limit

    def _from_lanes(self, turns: _Turns, now: float) -> Turn | None:
        while (lane := turns.open.pop()) is not None:
            turn = None
            if lane.head(self._is_current) is not None:
                reason = self._reason(lane, now)
                if reason is None:
                    turn = self._start(lane, now)
                else:
                    self._hold_back(lane, reason)
                    self._pause(lane, reason, now)
            self._wake_next_like(lane)
            if len(lane) == 0:
                self._forget(lane)
            elif lane.standing is None:
                turns.open.add(lane, lane.rank)
            if turn is not None or lane.function_id in self._paused:
                return turn
        return None

    def _pause(self, lane: Lane, reason: Full | Throttled, now: float) -> None:
        job, turns = lane.head(self._is_current), self._functions[lane.function_id]
        is_for_key = isinstance(reason, Full) and bool(reason.need.slot[1])
        if job is None or job.kind != JobKind.START or not is_for_key or turns.backed_up:
            return
        turns.backed_up = True
        if turns.running:
            self._paused[lane.function_id] = now + _PAUSE_SECONDS

    def _end_pauses(self, now: float) -> None:
        while self._paused and next(iter(self._paused.values())) <= now:
            del self._paused[next(iter(self._paused))]

    def _reason(self, lane: Lane, now: float) -> Full | Throttled | None:
        for slot, need in lane.all_needs:
            if len(slot.holders) >= need.limit:
                return Full(need, tuple(slot.holders.values()))
        if lane.throttle is not None and (at := self._meters.admits_at(lane.throttle)) > now:
            return Throttled(at)
        return None

    def _hold_back(self, lane: Lane, reason: Full | Throttled) -> None:
        job = lane.head(self._is_current)
        if job is not None:
            self._on_wait(job)
        if isinstance(reason, Throttled):
            self._throttled.add(lane, (reason.until, 0))
        else:
            self._slot(reason.need.slot).waiters.setdefault(lane.function_id, LaneHeap()).add(lane, lane.rank)

    def _start(self, lane: Lane, now: float) -> Turn:
        job = lane.take()
        placement = self._place(job.run_id)
        assert placement is not None  # noqa: S101 - a job that counts belongs to a run
        turn = Turn(job, placement)
        for slot, _ in lane.needs:
            slot.holders[turn] = job.run_id
        if job.kind == JobKind.START:
            self.hold(job.run_id, placement)
        if lane.throttle is not None:
            self._meters.take(lane.throttle, now)
        self._reach.begin(placement.app_id, job.id)
        self._functions[placement.function_id].running += 1
        self._apps[placement.app_id] = self._apps.get(placement.app_id, 0) + 1
        return turn

    def _forget(self, lane: Lane) -> None:
        if self._lanes.pop(lane.key, None) is None:
            return
        turns = self._functions[lane.function_id]
        turns.lanes -= 1
        turns.backed_up = turns.backed_up and turns.lanes > 0
        if lane.standing is not None:
            lane.standing.leave(lane)
        for slot, need in lane.all_needs:
            slot.lanes -= 1
            self._drop_if_free(need.slot, slot)

    def _drop_if_free(self, key: SlotKey, slot: Slot) -> None:
        if not slot.holders and not slot.lanes:
            self._slots.pop(key, None)

    # --- what has ended

    def give_back(self, turn: Turn) -> None:
        """Give back what a call held."""
        self._functions[turn.placement.function_id].running -= 1
        self._paused.pop(turn.placement.function_id, None)
        self._apps[turn.placement.app_id] -= 1
        self._reach.end(turn.placement.app_id, turn.job.id)
        for need in turn.placement.needs:
            self._give_back(need.slot, turn)

    def hold(self, run_id: str, placement: Placement) -> None:
        """Let a run that has begun hold what it needs until `release_run`."""
        if not placement.run_needs or run_id in self._held:
            return
        for need in placement.run_needs:
            self._slot(need.slot).holders[run_id] = run_id
        self._held[run_id] = tuple(need.slot for need in placement.run_needs)

    def release_run(self, run_id: str) -> bool:
        """Give back what a run held that has ended; return whether it held anything."""
        held = self._held.pop(run_id, ())
        for key in held:
            self._give_back(key, run_id)
        return bool(held)

    def _give_back(self, key: SlotKey, holder: object) -> None:
        slot = self._slots[key]
        del slot.holders[holder]
        for function_id in list(slot.waiters):
            self._wake_one(slot, function_id)
        self._drop_if_free(key, slot)

    # --- waking

    def _wake_throttled(self, now: float) -> None:
        while (due := self._throttled.first()) is not None and due[0] <= now:
            lane = self._throttled.pop()
            if lane is not None:
                self._reopen(lane)

    def _wake_one(self, slot: Slot, function_id: str) -> None:
        """Look again at one lane of a function that waits for a slot; the next one follows it if there is more room."""
        waiting = slot.waiters.get(function_id)
        lane = waiting.pop() if waiting is not None else None
        if not waiting:
            slot.waiters.pop(function_id, None)
        if lane is not None:
            lane.woken_by = slot
            self._reopen(lane)

    def _wake_next_like(self, lane: Lane) -> None:
        slot, lane.woken_by = lane.woken_by, None
        if slot is None:
            return
        limit = next(need.limit for other, need in lane.all_needs if other is slot)
        if len(slot.holders) < limit:
            self._wake_one(slot, lane.function_id)

    def _reopen(self, lane: Lane) -> None:
        job = lane.head(self._is_current)
        placement = self._place(job.run_id) if job is not None else None
        if placement is not None:
            self._open(lane, placement.app_id)
            return
        self._wake_next_like(lane)
        self._forget(lane)

    def next_due(self) -> float | None:
        """Return when a throttle admits the next call, a pause is over, or an app is tried again, if any is awaited."""
        throttle = self._throttled.first()
        moments = (next(iter(self._paused.values()), None), throttle and throttle[0], self._reach.next_due())
        return min((each for each in moments if each is not None), default=None)

    # --- why

    def reason(self, job: JobRow, now: float) -> Reason | None:
        """Return why a call that stands in line is not made, or None when it is about to be, or is not in line."""
        placement = self._place(job.run_id)
        lane = self._lanes.get(_lane_key(job, placement)) if placement is not None else None
        if placement is None or lane is None:
            return None
        if (until := self._reach.until(placement.app_id)) is not None:
            return Unreached(until)
        if (reason := self._reason(lane, now)) is not None:
            return reason
        turns, of_app = self._functions[placement.function_id], self._apps.get(placement.app_id, 0)
        if of_app >= self._limit_of_app(turns):
            return Busy("app", of_app)
        return Busy("function", turns.running) if turns.running >= self._limit_of_function else None


def _lane_key(job: JobRow, placement: Placement) -> LaneKey:
    if job.kind == JobKind.START:
        return placement.function_id, placement.needs, placement.run_needs, placement.throttle
    return placement.function_id, placement.needs, (), None
