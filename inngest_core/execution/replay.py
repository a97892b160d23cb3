"""The state machine of one call request: which of the met steps is delivered, run, reported or parked.

Pure: no effects, no user code. The caller tells what was met (`meet`) and asks what comes next (`next`).

    asked for   step met              others met     next
    ----------  --------------------  -------------  ---------------------------------------------------
    discovery   memo                  -              Deliver, in the order of ctx.stack.stack
    discovery   new, runs in the app  no other new   RunNow; Report as planned when told to plan only, or in a race
    discovery   new, runs in the app  another new    Report, as planned
    discovery   new, the engine's     -              Report
    target T    is T, new             -              RunNow (Report when it is the engine's)
    target T    is T, memo            -              Repeat: the same answer again, from the memo
    target T    memo                  T not met      Deliver, in the order of ctx.stack.stack
    target T    new, is not T         T not met      Wait: it stays parked
    any         nothing undecided     -              Wait

"Told to plan only" is ctx.disable_immediate_execution. An engine resets that at each discovery, and discovers after
each step of a race. So a new step of a race, or one that was met before the memo of one was delivered, may have been
planned by an earlier call and be running elsewhere at this moment: it is planned again, which an engine ignores, and
never run at once. A memo is read by the op of the step that asks, never by its
shape: a wait's memo is an event, which has a `data` key of its own. `{"input": [...]}` is not a memo: the step is new
and runs with those arguments. A memo that is next in the stack but was not met is skipped; one that the stack does
not name comes after those that it does, an error last.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

import typing_extensions

from inngest_core.errors import StepIdClashError
from inngest_core.protocol.wire import Opcode, hash_id

Tool = TypeVar("Tool")
"""What was used to meet a step."""
Place = typing_extensions.TypeVar("Place", default=None)
"""Where the code that met it waits."""

_WITH_OUTCOME = frozenset(
    {Opcode.STEP_RUN, Opcode.INVOKE_FUNCTION, Opcode.GATEWAY, Opcode.AI_GATEWAY, Opcode.WAIT_FOR_SIGNAL}
)
"""Ops whose memo is {"data": …} or {"error": …}; those of the others are the value itself."""


class Memo(NamedTuple):
    """The outcome of an earlier step: data, or, when failed, the error object (which may be null on the wire)."""

    data: object = None
    error: Mapping[str, Any] | None = None
    failed: bool = False


@dataclass(slots=True, eq=False)
class Found(Generic[Tool, Place]):
    """A step that user code met.

    race: it belongs to a parallel group in race mode. input: arguments that were edited by hand, to run it with.
    place: where it waits.
    """

    id: str
    step_id: str
    index: int
    op: Opcode
    tool: Tool
    race: bool = False
    memo: Memo | None = None
    input: Sequence[object] | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Deliver(Generic[Tool, Place]):
    """Give the step its memo."""

    found: Found[Tool, Place]


@dataclass(frozen=True, slots=True)
class RunNow(Generic[Tool, Place]):
    """Run the step and report how it went."""

    found: Found[Tool, Place]


@dataclass(frozen=True, slots=True)
class Report(Generic[Tool, Place]):
    """Report the steps without running them."""

    found: Sequence[Found[Tool, Place]]


@dataclass(frozen=True, slots=True)
class Repeat(Generic[Tool, Place]):
    """Answer for the target once more, from its memo."""

    found: Found[Tool, Place]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be decided until user code goes on."""


Decision = Deliver[Tool, Place] | RunNow[Tool, Place] | Report[Tool, Place] | Repeat[Tool, Place] | Wait


_STEP_RUN = Opcode.STEP_RUN  # looking it up in its enum takes as long as a whole call of a function
_new = cast("Callable[..., Any]", tuple.__new__)
_NO_MEMO = object()
_MOST_STEPS = 1 << 32
"""No call meets so many."""

NOT_RECALLED = object()
"""A step is not one whose memo is all that counts."""


def read_memo(op: Opcode, raw: object) -> tuple[Memo | None, Sequence[object] | None]:
    """Return the memo that *raw* is to a step of kind *op*, and the edited input: one of them, or neither."""
    if op not in _WITH_OUTCOME or not isinstance(raw, dict):
        return Memo(data=raw), None
    value = cast("dict[str, Any]", raw)
    if "error" in value:
        error = value["error"]
        return Memo(error=cast("dict[str, Any]", error) if isinstance(error, dict) else None, failed=True), None
    if "data" in value:
        return Memo(data=value["data"]), None
    if isinstance(value.get("input"), list):
        return None, value["input"]
    return Memo(data=value), None


class Replay(Generic[Tool, Place]):
    """What one call request knows of its run, and what was met in it so far."""

    def __init__(
        self,
        *,
        memos: Mapping[str, object],
        stack: Sequence[str] = (),
        target: str | None = None,
        plan_only: bool = False,
    ) -> None:
        self.target = target
        self.concurrent = False
        """Set once a step was met outside the function's main task: from then on, order matters."""
        self._in_turn = False
        """Whether no memo is returned at once."""
        self.found: dict[str, Found[Tool, Place] | str] = {}
        """What was met, by its id on the wire; of a step that was recalled nothing but its id in the code is kept."""
        self._memos = memos
        self._target_memo = None if target is None else memos.get(target)
        """As it came: hooks may change what the function reads, but not what is repeated."""
        self._plan_only = plan_only
        self._stack = stack
        self._next_position = 0
        self._met_count: dict[str, int] = {}
        self._ready: list[int] = []
        """A heap of numbers: of tuples it would be slower, and each of them a thing for the garbage collector."""
        self._ready_steps: dict[int, Found[Tool, Place]] = {}
        self.new: list[Found[Tool, Place]] = []
        self._perhaps_planned = False
        """Set when the memo of a race's step was delivered while a new step was there: an earlier call planned that."""
        self._delivered = 0
        self._ran = False
        """Set once a step was run and the function went on: all of its code is new from there."""

    def may_have_overlooked_the_target(self) -> bool:
        """Tell whether memos were returned at once, of which one may have kept a task from meeting the target."""
        return self.target is not None and not self.target_met and self._delivered > 0 and not self._in_turn

    def over_again(self) -> Replay[Tool, Place]:
        """Return what this was before anything was met; no memo is delivered but in its turn."""
        anew = Replay[Tool, Place](memos=self._memos, stack=self._stack, target=self.target, plan_only=self._plan_only)
        anew.concurrent = anew._in_turn = True
        return anew

    @property
    def replaying(self) -> bool:
        """Whether user code still walks where it has been: memos are left, and nothing new was met."""
        return self._delivered < len(self._memos) and not (self.new or self._ran or self.target_met)

    @property
    def left(self) -> int:
        """How many memos are left to deliver; with none, the function's code is new from here on."""
        return len(self._memos) - self._delivered

    def forgotten(self) -> int:
        """Return how many of the steps that finished last were not met, up to the first one that was."""
        return sum(1 for _ in itertools.takewhile(lambda step: step not in self.found, reversed(self._stack)))

    @property
    def target_met(self) -> bool:
        return self.target is not None and self.target in self.found

    def met(self) -> Sequence[tuple[str, str]]:
        """Return the ids of the steps that were met: the one on the wire, and the one in the code."""
        return [(hashed, each if isinstance(each, str) else each.step_id) for hashed, each in self.found.items()]

    def place_before(self, found: Found[Tool, Place]) -> Place | None:
        """Return where the repetition of the same step id before this one waits, or waited."""
        before = self.found[hash_id(found.step_id, found.index - 1)]
        return None if isinstance(before, str) else before.place

    def recall(self, step_id: str) -> object:
        """Return the result of a step that runs in the app, if it is the usual one of a replay, else NOT_RECALLED.

        The usual one is in sequential code, is not repeated, has succeeded, and is the next in the stack.
        """
        expected = self._next_position
        if self.concurrent or expected >= len(self._stack) or type(step_id) is not str or not step_id.isascii():
            return NOT_RECALLED
        hashed = hash_id(step_id)
        if self._stack[expected] != hashed or step_id in self._met_count or hashed in self.found:
            return NOT_RECALLED
        raw: Any = self._memos.get(hashed)
        if raw.__class__ is not dict or len(raw) != 1 or "data" not in raw or hashed == self.target:
            return NOT_RECALLED
        self._met_count[step_id] = 1
        self.found[hashed] = step_id
        self._next_position = expected + 1
        self._delivered += 1
        return raw["data"]

    def find(self, step_id: str, op: Opcode, tool: Tool, race: bool = False) -> Found[Tool, Place]:
        """Name the step that user code just met; raises StepIdClashError."""
        index = self._met_count.get(step_id, 0)
        self._met_count[step_id] = index + 1
        hashed = hash_id(step_id, index) if index else hash_id(step_id)  # with one argument, its cache is faster
        if hashed in self.found:
            raise _clash(step_id, index, self.found[hashed])
        raw: Any = self._memos.get(hashed, _NO_MEMO)
        memo = edited = None
        if raw.__class__ is dict and len(raw) == 1 and "data" in raw and op is _STEP_RUN:
            memo = _new(Memo, (raw["data"], None, False))  # as below, in a third of the time: the usual memo
        elif raw is not _NO_MEMO:
            memo, edited = read_memo(op, raw)
        found = self.found[hashed] = Found(hashed, step_id, index, op, tool, race, memo, edited)
        return found

    def shortcut(self, found: Found[Tool, Place], *, alone: bool) -> bool:
        """Tell whether the memo is delivered at once: in sequential code, where the stack names it next.

        alone: no task can be started beside this code, so that order cannot matter.
        """
        if found.memo is None or self.concurrent or found.id == self.target:
            return False
        expected = self._next_position
        if expected < len(self._stack) and self._stack[expected] == found.id:
            self._next_position = expected + 1
            self._delivered += 1
            return True
        if not alone and self._stack:
            return False
        self._count_delivered(found)
        return True

    def keep(self, found: Found[Tool, Place], memo: Memo) -> None:
        """Give a new step, which has just run, its memo: the function goes on with it in this call."""
        found.memo = memo
        self.new.remove(found)
        self._ran = True

    @functools.cached_property
    def _position(self) -> dict[str, int]:
        """Where the stack names each step; only asked for where it is not simply the next one."""
        return {step: position for position, step in enumerate(self._stack)}

    def meet(self, found: Found[Tool, Place]) -> None:
        """Enter a found step among the undecided."""
        if found.memo is None:
            self.new.append(found)
            return
        unnamed = len(self._stack) + found.memo.failed
        turn = self._position.get(found.id, unnamed) * _MOST_STEPS + len(self.found)
        heapq.heappush(self._ready, turn)
        self._ready_steps[turn] = found

    def next(self) -> Decision[Tool, Place]:
        """Decide on the steps met so far; see the table."""
        target = None if self.target is None else self.found.get(self.target)
        if target is not None and not isinstance(target, str):
            return self._answer_for(target)
        found = self.next_memo()
        if found is not None:
            return Deliver(found)
        if self.target is None and self.new:
            return self._report_new()
        return Wait()

    def next_memo(self) -> Found[Tool, Place] | None:
        """Return the step to deliver a memo to, if that is what comes next."""
        if not self._ready or (self.target is not None and self.target_met):
            return None
        found = self._ready_steps.pop(heapq.heappop(self._ready))
        self._count_delivered(found)
        return found

    def _count_delivered(self, found: Found[Tool, Place]) -> None:
        """Note that a step is given its memo, and that the stack has come to it."""
        self._delivered += 1
        if found.race and self.new:
            self._perhaps_planned = True
        position = self._position.get(found.id, -1)
        if position >= self._next_position:
            self._next_position = position + 1

    def _answer_for(self, target: Found[Tool, Place]) -> Decision[Tool, Place]:
        if target.memo is not None:
            target.memo = read_memo(target.op, self._target_memo)[0] or target.memo
            return Repeat(target)
        return RunNow(target) if target.op is Opcode.STEP_RUN else Report([target])

    def _report_new(self) -> Decision[Tool, Place]:
        only = self.new[0]
        perhaps_planned = self._plan_only or only.race or self._perhaps_planned
        if len(self.new) == 1 and only.op is Opcode.STEP_RUN and not perhaps_planned:
            return RunNow(only)
        return Report(self.new)


def _clash(step_id: str, index: int, other: Found[Any, Any] | str) -> StepIdClashError:
    other_id, other_index = (other, 0) if isinstance(other, str) else (other.step_id, other.index)
    return StepIdClashError(
        f'step "{step_id}" (met {index + 1} times) has the same id as step "{other_id}" '
        f"(met {other_index + 1} times); give one of them another id"
    )
