"""What a request to `/api/v2` asks for, read from its query and checked. Reads no store."""

from __future__ import annotations

import base64
import json
from typing import cast

from inngest_core.protocol.duration import parse_time
from inngest_devserver.http.answers import APIError, Call
from inngest_devserver.runs.run import Status
from inngest_devserver.storage.run_pages import TIME_FIELDS, RunFilter

LARGEST_PAGE = 100
DEFAULT_PAGE = 20
_STATUSES = {status.upper(): status for status in Status}
FINER = ("QUEUED", "WAITING")
"""What a run that has not ended is more exactly: its first call has not been made; it only waits for something."""
_FORMAT = "invalid_field_format"


class QuestionError(APIError):
    """A request that cannot be answered as it is; code: what is wrong, for programs."""

    def __init__(self, message: str, *, code: str = _FORMAT, status: int = 400) -> None:
        super().__init__(status, message)
        self.code = code


def page_limit(call: Call) -> int:
    """Return how many items a page may have."""
    text = call.query.get("limit", str(DEFAULT_PAGE))
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise QuestionError(f"Limit must be an integer from 1 to {LARGEST_PAGE}")
    if int(text[:9]) > LARGEST_PAGE:
        raise QuestionError(f"Limit cannot exceed {LARGEST_PAGE}")
    return int(text)


def flag(call: Call, name: str, *, usually: bool = False) -> bool:
    """Return a truth value of the query. usually: what it is when it is left out."""
    text = call.query.get(name, str(usually)).lower()
    if text not in ("true", "false", "1", "0"):
        raise QuestionError(f"{name} must be true or false")
    return text in ("true", "1")


def statuses(call: Call) -> list[str]:
    """Return the statuses that are asked for, as runs have them."""
    found: list[str] = []
    for text in call.all("status"):
        status = Status.RUNNING if text.upper() in FINER else _STATUSES.get(text.upper())
        if status is None:
            raise QuestionError(f"Status {text!r} is unknown; use one of {', '.join((*_STATUSES, *FINER))}")
        found.append(status)
    return list(dict.fromkeys(found))


def finer_statuses(call: Call) -> frozenset[str]:
    """Return in which states of FINER a run that has not ended must be; none when it may be in any."""
    asked = {text.upper() for text in call.all("status")}
    return frozenset() if "RUNNING" in asked else frozenset(asked.intersection(FINER))


def run_filter(call: Call) -> RunFilter:
    """Return what the query asks of runs, but for their functions."""
    time_field = call.query.get("timeField", "QUEUED_AT").upper()
    if time_field not in TIME_FIELDS:
        raise QuestionError(f"timeField must be one of {', '.join(TIME_FIELDS)}")
    order = call.query.get("order", "DESC").upper()
    if order not in ("ASC", "DESC"):
        raise QuestionError("order must be ASC or DESC")
    return RunFilter(
        statuses=statuses(call),
        since=time_in(call, "from"),
        until=time_in(call, "until"),
        time_field=time_field,
        ascending=order == "ASC",
        after=after(call.query.get("cursor", ""), time_field),
    )


def time_in(call: Call, name: str) -> float | None:
    """Return a time of the query as Unix seconds; None when it is left out."""
    text = call.query.get(name, "")
    if not text:
        return None
    try:
        return parse_time(text).timestamp()
    except (ValueError, OverflowError):
        raise QuestionError(f"{name} must be an RFC 3339 time") from None


def cursor(place: tuple[float, str], time_field: str) -> str:
    """Return the text that asks for the page after *place*."""
    return base64.urlsafe_b64encode(json.dumps([time_field, *place]).encode()).decode()


def after(text: str, time_field: str) -> tuple[float, str] | None:
    """Return the place that a cursor stands for; None for none. Raises QuestionError."""
    if not text:
        return None
    try:
        field, value, run_id = cast("list[object]", json.loads(base64.urlsafe_b64decode(text)))
    except (ValueError, TypeError):
        raise QuestionError("cursor is none that this engine gave") from None
    if field != time_field or not isinstance(value, int | float) or not isinstance(run_id, str):
        raise QuestionError("cursor belongs to another order of runs")
    return (float(value), run_id)
