"""A backend for `django.tasks`: tasks are run by an engine, as calls of durable functions.

Each queue is a function, or two: one for plain tasks and one for `async def` tasks. An enqueued task is an event that
starts it. The functions are in `functions`, what becomes of a task is read in `results`.
"""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from inngest_core.client import Inngest
from inngest_core.events.event import Event
from inngest_core.function import Function
from inngest_core.runtime.drivers import run_sync
from inngest_django.project import get_client, is_configured

from .framework import BaseTaskBackend, Task, TaskResult, TaskResultDoesNotExist, TaskResultStatus, task_enqueued
from .functions import ANY_QUEUE, TaskFunctions, event_name
from .options import read_options
from .results import read_result

SECONDS_PER_PRIORITY = 6
"""Priorities of tasks go to 100, those of an engine to 600 seconds: so much sooner a run starts than it would."""


class InngestBackend(BaseTaskBackend):
    """Runs tasks as durable functions of the project's client, which the setting INNGEST describes.

    `TASKS = {"default": {"BACKEND": "inngest_django.tasks.InngestBackend"}}`
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        """Read the settings.

        alias: the name of the backend in TASKS.
        params: its settings. QUEUES: the queues, as for every backend. OPTIONS: RETRIES, how often a task that failed
            is tried again, 0 to 20, 4 by default; CONCURRENCY, how many tasks of a queue run at a time, a number or a
            dict of numbers by queue, no limit by default.
        Raises ImproperlyConfigured: an option is unknown or does not fit, or the project has no client to send and run
        tasks with.
        """
        super().__init__(alias, params)
        if not is_configured() or not any(app.startswith("inngest_django") for app in settings.INSTALLED_APPS):
            raise ImproperlyConfigured(
                f'TASKS["{alias}"] needs the app inngest_django, which sends and runs the tasks; add "inngest_django" '
                'to INSTALLED_APPS, and INNGEST = {"APP_ID": "shop"} with the id of your app to the settings'
            )
        self._served_queues = sorted(self.queues) or [ANY_QUEUE]
        self._read_options = read_options(alias, self.options, self._served_queues)

    def enqueue(self, task: Task[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        """Send the event that starts the task, at once. Raises what `client.send_sync` does."""
        self.validate_task(task)
        [task_id] = get_client().send_sync(self._event(task, args, kwargs))
        return self._enqueued(task, task_id, args, kwargs)

    async def aenqueue(self, task: Task[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        """Send the event that starts the task, without blocking the loop. Raises what `client.send` does."""
        self.validate_task(task)
        [task_id] = await get_client().send(self._event(task, args, kwargs))
        return self._enqueued(task, task_id, args, kwargs)

    def get_result(self, result_id: str) -> TaskResult[..., Any]:
        """Ask the engine what became of a task.

        result_id: the `id` of the result that `enqueue` returned.
        Raises TaskResultDoesNotExist: the engine has no such task, or has it no more. StateFetchError: it does not
        answer.
        """
        client = get_client()
        event = run_sync(client.engine_api.fetch_event(result_id), client.resources)
        if event is None or not str(event.get("name", "")).startswith(event_name(self.alias, "")):
            raise TaskResultDoesNotExist(result_id)
        runs = run_sync(client.engine_api.fetch_runs(result_id), client.resources)
        return read_result(result_id, event, runs[0] if runs else None, self.alias)

    def functions(self, client: Inngest) -> Iterator[Function[Any]]:
        """Yield the functions that run the tasks of this backend.

        client: that of the project. Raises FunctionConfigError: the name of a queue does not fit.
        """
        options = self._read_options
        for queue in self._served_queues:
            yield from TaskFunctions(self, queue, options.retries, options.limits.get(queue)).define(client)

    def _event(self, task: Task[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]) -> Event:
        queue = task.queue_name if self.queues else ANY_QUEUE
        data: dict[str, Any] = {
            "task": task.module_path,
            "args": list(args),
            "kwargs": dict(kwargs),
            "queue": task.queue_name,
            "priority": task.priority,
            "start_sooner": task.priority * SECONDS_PER_PRIORITY,
            "run_after": None if task.run_after is None else _absolute(task.run_after).isoformat(),
        }
        return Event(name=event_name(self.alias, queue, inspect.iscoroutinefunction(task.func)), data=data)

    def _enqueued(self, task: Task[..., Any], task_id: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        result: TaskResult[..., Any] = TaskResult(
            task=task,
            id=task_id,
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        task_enqueued.send(type(self), task_result=result)
        return result


def _absolute(moment: datetime.datetime) -> datetime.datetime:
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
