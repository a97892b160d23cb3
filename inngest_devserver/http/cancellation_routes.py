"""Routes about bulk cancellations: make one, list them, forget one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_core.protocol.duration import parse_time
from inngest_core.protocol.wire import json_kind, parse_object
from inngest_core.web.messages import Response
from inngest_devserver.apps.functions import Function
from inngest_devserver.engine import Engine
from inngest_devserver.matcher import Expression, ExpressionError
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.flow_tables import CancellationRow

from .answers import NO_ACCOUNT, APIError, Call, empty_response, enveloped
from .event_routes import page_size


class CancellationRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cancellations = engine.cancellations

    def create(self, call: Call) -> Response:
        """Cancel the runs of a function that began, or will begin, between two moments."""
        body: Mapping[str, Any] = parse_object(call.request.body)
        app, name = _text(body, "app_id"), _text(body, "function_id")
        after, before = _time(body, "started_after"), _time(body, "started_before")
        if before is None:
            raise APIError(400, "started_before is missing; expected an RFC 3339 time before which the runs began")
        if after is not None and after >= before:
            raise APIError(400, "started_after is not before started_before, so no run can have begun between them")
        function, now = self._function(app, name), self._engine.clock.now()
        row = CancellationRow(
            self._engine.ulids.new(now), app, name, function.id, after, before, _expression(body), now
        )
        active = self._engine.active
        self._cancellations.add(row)
        for run in active.of_function(function.id):
            if why := self._cancellations.reason_of(row, run):
                self._engine.executor.cancel(run, why)
            else:
                active.rest(run)
        return enveloped(_view(row), now, status=201)

    def list(self, call: Call) -> Response:
        """List cancellations, newest first."""
        before, limit = call.query.get("cursor"), page_size(call.query)
        if before and self._cancellations.get(before) is None:
            raise APIError(400, f"cursor is {before!r}; expected the id of the last cancellation of the page before")
        rows = [row for row in self._cancellations if not before or row.id < before]
        return enveloped([_view(row) for row in rows[:limit]], self._engine.clock.now())

    def one(self, call: Call) -> Response:
        row = self._cancellations.get(call.path["cancellation"])
        if row is None:
            raise APIError(404, f"cancellation not found: {call.path['cancellation']}")
        return enveloped(_view(row), self._engine.clock.now())

    def delete(self, call: Call) -> Response:
        """Forget a cancellation: runs that begin from now on are not cancelled by it."""
        if not self._cancellations.remove(call.path["cancellation"]):
            raise APIError(404, f"cancellation not found: {call.path['cancellation']}")
        return empty_response()

    def _function(self, app: str, name: str) -> Function:
        registry = self._engine.registry
        for one in registry.known():  # also one that is not registered any more: runs of it may go on
            app_name = registry.app_name(one.app_id)
            if app in (app_name, one.app_id) and name in (one.id, one.slug, one.slug.removeprefix(f"{app_name}-")):
                return one
        raise APIError(404, "function not found")


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise APIError(400, f"{field} is {value!r}; expected a text that is not empty")
    return value


def _time(body: Mapping[str, Any], field: str) -> float | None:
    value = body.get(field)
    if value is None:
        return None
    try:
        return parse_time(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise APIError(400, f"{field} is {value!r}; expected an RFC 3339 time") from None


def _expression(body: Mapping[str, Any]) -> str:
    text = body.get("if")
    if text is None:
        return ""
    if not isinstance(text, str):
        raise APIError(400, f"if is a JSON {json_kind(text)}; expected an expression as a string")
    try:
        return Expression(text).text if text else ""
    except ExpressionError as error:
        raise APIError(400, f"if does not compile: {error}") from None


def _view(row: CancellationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "environment_id": NO_ACCOUNT,
        "app_id": row.app_name,
        "function_id": row.function_slug,
        "started_after": None if row.started_after is None else iso(row.started_after),
        "started_before": iso(row.started_before),
        "if": row.expression or None,
        "created_at": iso(row.created_at),
    }
