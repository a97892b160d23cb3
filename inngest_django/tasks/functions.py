"""The functions that run the tasks of a queue: one for plain tasks, one for those that are `async def`.

A task runs in the function itself, and not in a step: with `inngest.current()` it may have steps of its own.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, cast

from django.utils import timezone
from django.utils.module_loading import import_string

from inngest_core.client import Inngest
from inngest_core.errors import NonRetriableError
from inngest_core.function import Function
from inngest_core.options.options import Concurrency, Priority, TriggerEvent

from .framework import (
    BaseTaskBackend,
    Task,
    TaskContext,
    TaskError,
    TaskResult,
    TaskResultStatus,
    task_finished,
    task_started,
)
from .results import error_of

ANY_QUEUE = "any"
"""Instead of a queue's name, where a backend takes tasks for all of them."""

_USUAL_RETRIES = 4
_WAIT = "run_after"


def event_name(alias: str, queue: str, is_async: bool = False) -> str:
    """Return the name of the event that starts a task.

    alias: of the backend. is_async: whether the task is `async def`.
    """
    return f"django/task.{alias}.{queue}{'.async' if is_async else ''}"


@dataclass(frozen=True, slots=True)
class TaskFunctions:
    """What runs the tasks of a queue. retries, limit: options of the backend."""

    backend: BaseTaskBackend
    queue: str
    retries: int | None = None
    limit: int | None = None

    def define(self, client: Inngest) -> Iterator[Function[Any]]:
        """Yield the function for plain tasks and the one for async tasks. Raises FunctionConfigError."""

        def run(ctx: Any) -> Any:
            after = _run_after(ctx)
            if after is not None:
                ctx.step.sleep_until(_WAIT, after)
            with self._attempt(ctx) as attempt:
                attempt.value = attempt.task.func(*attempt.arguments, **attempt.result.kwargs)
            return attempt.value

        async def run_async(ctx: Any) -> Any:
            after = _run_after(ctx)
            if after is not None:
                await ctx.step.sleep_until(_WAIT, after)
            with self._attempt(ctx) as attempt:
                attempt.value = await attempt.task.func(*attempt.arguments, **attempt.result.kwargs)
            return attempt.value

        for handler, is_async in ((run, False), (run_async, True)):
            suffix = ".async" if is_async else ""
            decorate: Any = client.create_function(
                fn_id=f"tasks.{self.backend.alias}.{self.queue}{suffix}",
                name=f"Tasks of the queue {self.queue}{' (async)' if is_async else ''}",
                trigger=TriggerEvent(event=event_name(self.backend.alias, self.queue, is_async)),
                priority=Priority(run="event.data.start_sooner"),
                concurrency=None if self.limit is None else [Concurrency(limit=self.limit)],
                retries=self.retries,
            )
            yield decorate(handler)

    @contextlib.contextmanager
    def _attempt(self, ctx: Any) -> Generator[Attempt]:
        """Send the signals around an attempt to run a task."""
        attempt = Attempt.of(ctx, self.backend.alias)
        task_started.send(type(self.backend), task_result=attempt.result)
        try:
            yield attempt
        except Exception as error:
            is_last = isinstance(error, NonRetriableError) or ctx.attempt >= self._retries()
            if is_last:
                self._finish(attempt, TaskResultStatus.FAILED, [error_of(error)])
            raise
        self._finish(attempt, TaskResultStatus.SUCCESSFUL, [])

    def _retries(self) -> int:
        return _USUAL_RETRIES if self.retries is None else self.retries

    def _finish(self, attempt: Attempt, status: Any, errors: list[TaskError]) -> None:
        result = attempt.result
        changes = {"status": status, "finished_at": timezone.now(), "errors": errors, "_return_value": attempt.value}
        for name, value in changes.items():
            object.__setattr__(result, name, value)  # it is frozen for everybody but backends
        task_finished.send(type(self.backend), task_result=result)


@dataclass(slots=True)
class Attempt:
    """A task that is about to run. arguments: the positional ones, with the context where it takes one."""

    task: Task[..., Any]
    result: TaskResult[..., Any]
    arguments: list[Any]
    value: Any = None

    @classmethod
    def of(cls, ctx: Any, alias: str) -> Attempt:
        """Return the task that an event asks for. Raises NonRetriableError: there is none of that name."""
        data = ctx.event.data
        task = find_task(str(data["task"])).using(
            queue_name=data["queue"], priority=data["priority"], run_after=_run_after(ctx), backend=alias
        )
        now = timezone.now()
        result: TaskResult[..., Any] = TaskResult(
            task=task,
            id=ctx.event.id,
            status=TaskResultStatus.RUNNING,
            enqueued_at=_moment(ctx.event.ts / 1000),
            started_at=now,
            finished_at=None,
            last_attempted_at=now,
            args=list(data["args"]),
            kwargs=dict(data["kwargs"]),
            backend=alias,
            errors=[],
            worker_ids=[ctx.run_id] * (ctx.attempt + 1),
        )
        first: list[Any] = [TaskContext(task_result=result)] if task.takes_context else []
        return cls(task, result, [*first, *result.args])


def find_task(path: str) -> Task[..., Any]:
    """Return the task at a dotted path. Raises NonRetriableError: there is none."""
    try:
        found: Any = import_string(path)
    except ImportError as error:
        raise NonRetriableError(f"the task {path} cannot be imported: {error}") from error
    if not isinstance(found, Task):
        raise NonRetriableError(f"{path} is not a task any more; decorate it with @task, or wait with such a change")
    return cast("Task[..., Any]", found)


def _run_after(ctx: Any) -> datetime.datetime | None:
    given = ctx.event.data.get("run_after")
    return None if given is None else datetime.datetime.fromisoformat(given)


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
