"""What became of a task, from the event and the run that an engine's API shows."""

from __future__ import annotations

import builtins
import datetime
import traceback
from collections.abc import Mapping
from typing import Any, cast

from django.utils.module_loading import import_string

from .framework import TaskError, TaskResult, TaskResultDoesNotExist, TaskResultStatus

_STATUSES = {
    "Running": TaskResultStatus.RUNNING,
    "Completed": TaskResultStatus.SUCCESSFUL,
    "Failed": TaskResultStatus.FAILED,
    "Cancelled": TaskResultStatus.FAILED,
}
"""Any other status, such as that of a run which waits in a queue, is that of a task that has not begun."""


def read_result(
    result_id: str, event: Mapping[str, Any], run: Mapping[str, Any] | None, alias: str
) -> TaskResult[..., Any]:
    """Return the result of a task.

    event: what was sent. run: what it started, None when it has started nothing yet. alias: of the backend.
    Raises TaskResultDoesNotExist: the task is not in the code any more.
    """
    data: Mapping[str, Any] = event["data"]
    try:
        task: Any = import_string(str(data["task"]))
    except ImportError as error:
        raise TaskResultDoesNotExist(result_id) from error
    run = run or {}
    status = _STATUSES.get(str(run.get("status")), TaskResultStatus.READY)
    started = None if status == TaskResultStatus.READY else _moment(run.get("run_started_at"))
    result: TaskResult[..., Any] = TaskResult(
        task=task.using(queue_name=data["queue"], priority=data["priority"], run_after=_moment(data["run_after"])),
        id=result_id,
        status=status,
        enqueued_at=_moment(event.get("received_at")),
        started_at=started,
        finished_at=_moment(run.get("ended_at")),
        last_attempted_at=started,
        args=list(data["args"]),
        kwargs=dict(data["kwargs"]),
        backend=alias,
        errors=[_error(run.get("output"), task)] if status == TaskResultStatus.FAILED else [],
        worker_ids=[str(run.get("run_id"))] if started is not None else [],
    )
    if status == TaskResultStatus.SUCCESSFUL:
        object.__setattr__(result, "_return_value", run.get("output"))  # it is frozen for everybody but backends
    return result


def error_of(error: BaseException) -> TaskError:
    """Return an error that a task raised, as results have it."""
    return TaskError(exception_class_path=_path(type(error)), traceback="".join(traceback.format_exception(error)))


def _error(output: object, task: Any) -> TaskError:
    """Return what a run failed with.

    An engine has the name of the class, without its module: it is looked for where the task is defined, then among
    Python's own, else it is Exception.
    """
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", output) if isinstance(output, Mapping) else {}
    name = str(fields.get("name"))
    found = [getattr(task.func, "__globals__", {}).get(name), getattr(builtins, name, None)]
    kinds = [each for each in found if isinstance(each, type) and issubclass(each, BaseException)]
    return TaskError(
        exception_class_path=_path(kinds[0] if kinds else Exception),
        traceback=str(fields.get("stack") or fields.get("message") or ""),
    )


def _path(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _moment(text: object) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
