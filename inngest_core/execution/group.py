"""Parallel steps: Group and GroupSync, typed faces over `execution.py`. Decides nothing. Source: protocol §7."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, overload

from inngest_core.errors import StepUnexpectedError
from inngest_core.runtime.drivers import Resources, run_sync
from inngest_core.runtime.effects import Body

from . import tools
from .execution import Execution

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")

Branch = Callable[[], Awaitable[T]]
BranchSync = Callable[[], T]


class ParallelMode(enum.StrEnum):
    """When the engine lets the function go on during a parallel group.

    WAIT: when all its steps are done. RACE: after each of them, so that one branch goes on while another runs.
    """

    WAIT = "wait"
    RACE = "race"


class Parallel:
    """What `Group` and `Step` share; its overloads keep the types of up to eight branches."""

    def __init__(self, execution: Execution) -> None:
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
        self, callables: Sequence[Branch[Any]], parallel_mode: ParallelMode = ParallelMode.WAIT
    ) -> tuple[Any, ...]:
        """Run branches side by side, all to their end; then return their results, or raise the first error."""
        before = tools.parallel_mode.set(_mode(parallel_mode))
        try:
            results = await running(self._execution).gather(list(callables))
        finally:
            tools.parallel_mode.reset(before)
        return _results(results)


class Group(Parallel):
    """Parallel steps of an `async def` function."""


class ParallelSync:
    """What `GroupSync` and `StepSync` share."""

    def __init__(self, execution: Execution, resources: Resources) -> None:
        self._execution = execution
        self._resources = resources

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
        self, callables: Sequence[BranchSync[Any]], parallel_mode: ParallelMode = ParallelMode.WAIT
    ) -> tuple[Any, ...]:
        """Run branches side by side, all to their end; then return their results, or raise the first error."""
        before = tools.parallel_mode.set(_mode(parallel_mode))
        try:
            results = run_sync(self._execution.group_in_thread(list(callables)), self._resources)
        finally:
            tools.parallel_mode.reset(before)
        return _results(results)


class GroupSync(ParallelSync):
    """Parallel steps of a plain `def` function: the engine runs them side by side."""


def running(execution: Execution) -> Body:
    """Return the body of the async function; raises StepUnexpectedError before it runs."""
    if execution.body is None:
        raise StepUnexpectedError("a step was met before the function ran; meet steps in the function only")
    return execution.body


def _results(results: Sequence[object]) -> tuple[Any, ...]:
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(results)


def _mode(mode: ParallelMode) -> str | None:
    """Return the mode of a group's steps: within a race every step is one of the race, also in a group that waits.

    An engine discovers after each step of the outer group, while steps of the inner one may be running elsewhere.
    """
    return tools.parallel_mode.get() if mode is ParallelMode.WAIT else ParallelMode(mode).value
