"""Logging that knows which run and step it is in, and that is silent while earlier steps are replayed.

For the standard library a filter and a formatter, for structlog a processor. They ask for the current call, so they
work for every logger, also in libraries, and need no middleware. They log nothing themselves, and change no logger.
"""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, cast

from inngest_core.error_text import kind_of
from inngest_core.execution.current import current_call
from inngest_core.execution.execution import current_step

RUN_ID, FN_ID, STEP_ID, ATTEMPT = "inngest_run_id", "inngest_fn_id", "inngest_step_id", "inngest_attempt"
FIELDS = (RUN_ID, FN_ID, STEP_ID, ATTEMPT)
_OWN = {*vars(logging.makeLogRecord({})), *FIELDS, "message", "asctime", "taskName"}


class CallFilter(logging.Filter):
    """Adds the ids of the current call to each record, and drops what an earlier call has logged already.

    Add an instance to a handler: a filter of a logger does not see the records of the loggers below it. All records get
    the attributes `inngest_run_id`, `inngest_fn_id`, `inngest_step_id` and `inngest_attempt`; they are None outside of
    a call, and `inngest_step_id` outside of a step.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to log a record. record: it is given the ids."""
        if _replaying():
            return False
        vars(record).update(dict.fromkeys(FIELDS), **_ids())
        return True


class JSONFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, message, ids of the call, `extra`, and exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. record: its fields that are not JSON are written as text."""
        fields = cast("dict[str, object]", vars(record))
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: fields[name] for name in FIELDS if fields.get(name) is not None})
        line.update({name: value for name, value in fields.items() if name not in _OWN and name not in line})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        try:
            return _dump(line)
        except Exception:  # of one field, which must not cost the line
            return _dump({name: _readable(value) for name, value in line.items()})


def add_call(logger: object, method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the ids of the current call to an event of structlog, and drop what an earlier call has logged already.

    logger, method: as structlog gives them to each processor.
    event_dict: gets the same fields as records of `CallFilter`, but for those that would be None.
    Raises structlog.DropEvent: an earlier step is replayed.
    """
    if _replaying():
        from structlog import DropEvent  # whoever uses only the standard library does not need it

        raise DropEvent
    event_dict.update(_ids())
    return event_dict


def _dump(value: object) -> str:
    """Return JSON that everybody can read: NaN and infinity are none."""
    return json.dumps(value, default=str, skipkeys=True, allow_nan=False)


def _readable(value: object) -> object:
    """Return a field as it is, or, where it cannot be written as JSON, a text of it."""
    try:
        _dump(value)
    except Exception:
        try:
            return str(value)
        except Exception:
            return f"<{kind_of(value)} that cannot be shown>"
    return value


def _replaying() -> bool:
    """Tell whether the function that is running logs what it has logged in an earlier call."""
    call = current_call.get()
    return call is not None and not call.ended and not call.runs_new_code()


def _ids() -> dict[str, object]:
    call = current_call.get()
    if call is None:
        return {}
    ids: dict[str, object] = {RUN_ID: call.ctx.run_id, FN_ID: call.ctx.fn_id, ATTEMPT: call.ctx.attempt}
    step_id = current_step.get()
    return ids if step_id is None else {**ids, STEP_ID: step_id}
