"""Parallel steps: Group and GroupSync, typed faces over the executions of both kinds. Decides nothing."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar, cast, overload

from inngest_core.errors import ConfigError
from inngest_core.runtime.outcome import Outcome

from . import tools
from .async_execution import AsyncExecution
from .sync_execution import SyncExecution

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")

F = TypeVar("F", bound=Callable[[], object])

Branch = Callable[[], Awaitable[T]]
BranchSync = Callable[[], T]


class ParallelMode(enum.StrEnum):
    """When the engine lets the function go on during a parallel group.

    WAIT: when all its steps are done. RACE: after each of them, so that one branch goes on while another runs.
    """

    WAIT = "wait"
    RACE = "race"


class Parallel:
    """What `Group` and `Step` share. The overloads keep the types of up to eight branches."""

    def __init__(self, execution: AsyncExecution) -> None:
        self._execution = execution

    @overload
    async def parallel(
        self, callables: tuple[Branch[T1], Branch[T2]], parallel_mode: ParallelMode = ...
    ) -> tuple[T1, T2]: ...
    @overload
    async def parallel(
        self, callables: tuple[Branch[T1], Branch[T2], Branch[T3]], parallel_mode: ParallelMode = ...
    ) -> tuple[T1, T2, T3]: ...
    @overload
    async def parallel(
        self, callables: tuple[Branch[T1], Branch[T2], Branch[T3], Branch[T4]], parallel_mode: ParallelMode = ...
    ) -> tuple[T1, T2, T3, T4]: ...
    @overload
    async def parallel(
        self,
        callables: tuple[Branch[T1], Branch[T2], Branch[T3], Branch[T4], Branch[T5]],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5]: ...
    @overload
    async def parallel(
        self,
        callables: tuple[Branch[T1], Branch[T2], Branch[T3], Branch[T4], Branch[T5], Branch[T6]],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5, T6]: ...
    @overload
    async def parallel(
        self,
        callables: tuple[Branch[T1], Branch[T2], Branch[T3], Branch[T4], Branch[T5], Branch[T6], Branch[T7]],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5, T6, T7]: ...
    @overload
    async def parallel(
        self,
        callables: tuple[
            Branch[T1], Branch[T2], Branch[T3], Branch[T4], Branch[T5], Branch[T6], Branch[T7], Branch[T8]
        ],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5, T6, T7, T8]: ...
    @overload
    async def parallel(self, callables: Sequence[Branch[T]], parallel_mode: ParallelMode = ...) -> tuple[T, ...]: ...
    async def parallel(
        self, callables: Sequence[Branch[Any]], parallel_mode: ParallelMode = ParallelMode.WAIT, *more: object
    ) -> tuple[Any, ...]:
        """Run branches side by side, each to its end.

        callables: a list or a tuple of functions without arguments, such as `lambda: ctx.step.run(...)`.
        parallel_mode: when the engine lets the function go on: after all steps, or after each of them (RACE).
        more: never given; it catches `parallel(first, second)`, and the error says what to give instead.
        Returns a tuple of what they returned, in the same order.
        Raises the error of the first one, in that order, that raised. Raises ConfigError: callables is not a list or a
            tuple of functions.
        """
        branches = _checked(callables, parallel_mode, more)
        before = tools.parallel_mode.set(_mode(parallel_mode))
        try:
            outcomes = await self._execution.group(branches)
        finally:
            tools.parallel_mode.reset(before)
        return tuple([outcome.unwrap() for outcome in outcomes])


class Group(Parallel):
    """Parallel steps of an `async def` function."""


class ParallelSync:
    """What `GroupSync` and `StepSync` share."""

    def __init__(self, execution: SyncExecution) -> None:
        self._execution = execution

    @overload
    def parallel(
        self, callables: tuple[BranchSync[T1], BranchSync[T2]], parallel_mode: ParallelMode = ...
    ) -> tuple[T1, T2]: ...
    @overload
    def parallel(
        self, callables: tuple[BranchSync[T1], BranchSync[T2], BranchSync[T3]], parallel_mode: ParallelMode = ...
    ) -> tuple[T1, T2, T3]: ...
    @overload
    def parallel(
        self,
        callables: tuple[BranchSync[T1], BranchSync[T2], BranchSync[T3], BranchSync[T4]],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4]: ...
    @overload
    def parallel(
        self,
        callables: tuple[BranchSync[T1], BranchSync[T2], BranchSync[T3], BranchSync[T4], BranchSync[T5]],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5]: ...
    @overload
    def parallel(
        self,
        callables: tuple[
            BranchSync[T1], BranchSync[T2], BranchSync[T3], BranchSync[T4], BranchSync[T5], BranchSync[T6]
        ],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5, T6]: ...
    @overload
    def parallel(
        self,
        callables: tuple[
            BranchSync[T1],
            BranchSync[T2],
            BranchSync[T3],
            BranchSync[T4],
            BranchSync[T5],
            BranchSync[T6],
            BranchSync[T7],
        ],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5, T6, T7]: ...
    @overload
    def parallel(
        self,
        callables: tuple[
            BranchSync[T1],
            BranchSync[T2],
            BranchSync[T3],
            BranchSync[T4],
            BranchSync[T5],
            BranchSync[T6],
            BranchSync[T7],
            BranchSync[T8],
        ],
        parallel_mode: ParallelMode = ...,
    ) -> tuple[T1, T2, T3, T4, T5, T6, T7, T8]: ...
    @overload
    def parallel(self, callables: Sequence[BranchSync[T]], parallel_mode: ParallelMode = ...) -> tuple[T, ...]: ...
    def parallel(
        self, callables: Sequence[BranchSync[Any]], parallel_mode: ParallelMode = ParallelMode.WAIT, *more: object
    ) -> tuple[Any, ...]:
        """Run branches side by side, each to its end.

        callables: a list or a tuple of functions without arguments, such as `lambda: ctx.step.run(...)`.
        parallel_mode: when the engine lets the function go on: after all steps, or after each of them (RACE).
        more: never given; it catches `parallel(first, second)`, and the error says what to give instead.
        Returns a tuple of what they returned, in the same order.
        Raises the error of the first one, in that order, that raised. Raises ConfigError: callables is not a list or a
            tuple of functions.
        """
        branches = _checked(callables, parallel_mode, more)
        before = tools.parallel_mode.set(_mode(parallel_mode))
        try:
            outcomes: list[Outcome] = self._execution.group(branches)
        finally:
            tools.parallel_mode.reset(before)
        return tuple([outcome.unwrap() for outcome in outcomes])


class GroupSync(ParallelSync):
    """Parallel steps of a plain `def` function: the engine runs them side by side."""


def _checked(given: Sequence[F], mode: object, more: Sequence[object]) -> list[F]:
    """Return the branches of a group; raises ConfigError that says what to give instead."""
    callables = cast("object", given)
    if callable(callables) or more or not isinstance(mode, str):
        raise ConfigError(
            "parallel was given its branches one by one; give them in one tuple: parallel((first, second))"
        )
    if mode not in list(ParallelMode):
        raise ConfigError(f"parallel_mode is {mode!r}; give ParallelMode.WAIT or ParallelMode.RACE")
    if not isinstance(callables, Iterable) or isinstance(callables, str | bytes):
        raise ConfigError(f"parallel was given a {type(callables).__name__}; give a tuple of functions")
    branches = cast("list[object]", list(given))
    for number, branch in enumerate(branches, 1):
        if not callable(branch):
            if inspect.iscoroutine(branch):
                branch.close()
            raise ConfigError(
                f"branch {number} of parallel is a {type(branch).__name__}, not a function: it was called too early; "
                "give a function that meets the step: lambda: ctx.step.run(...)"
            )
    return cast("list[F]", branches)


def _mode(mode: ParallelMode) -> str | None:
    """Return the mode of a group's steps: within a race every step is one of the race, also in a group that waits.

    An engine discovers after each step of the outer group, while steps of the inner one may be running elsewhere.
    """
    return tools.parallel_mode.get() if mode is ParallelMode.WAIT else ParallelMode(mode).value
