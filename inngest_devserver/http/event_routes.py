"""Routes about events and signals: send, invoke, list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.limits import MAX_EVENTS
from inngest_core.protocol.wire import Header, json_kind, parse_json, parse_object
from inngest_core.web.messages import Response
from inngest_devserver import fragments, ids
from inngest_devserver.engine import Engine
from inngest_devserver.intake import EventInvalidError, parse_event
from inngest_devserver.runs import system_events
from inngest_devserver.runs.progress import NotStartedError
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.tables import EventRow

from .access import is_one_of
from .answers import NO_ACCOUNT, APIError, Call, enveloped, headers_for_pages, json_response, refuse_unknown

_PAGE, _LARGEST_PAGE = 20, 100
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")


class EventRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def may_send(self, call: Call) -> Response:
        """Answer a browser that asks whether a page may send events: those that get this far may."""
        asked = call.request.headers.get("access-control-request-headers", "")
        if "origin" not in call.request.headers:
            raise APIError(405, "OPTIONS is not allowed here; try POST")
        headers = {
            **headers_for_pages(call.request.headers),
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": ", ".join(_HEADER_NAME.findall(asked)),
            "access-control-max-age": "600",
        }
        return Response(204, headers, b"")

    def send(self, call: Call) -> Response:
        """Take in one event or an array; the events before a bad one are taken in as well."""
        answer = self._send(call)
        return Response(answer.status, {**answer.headers, **headers_for_pages(call.request.headers)}, answer.body)

    def _send(self, call: Call) -> Response:
        allowed = self._engine.options.event_keys
        if allowed and not is_one_of(call.path["key"], allowed):
            return _refused(401, "Event key not found", [])
        try:
            body = parse_json(call.request.body)
        except BodyInvalidError as error:
            return _refused(400, error.message, [])
        events = cast("list[object]", body if isinstance(body, list) else [body])
        if len(events) > MAX_EVENTS:
            return _refused(400, f"{len(events)} events in one request; at most {MAX_EVENTS} are allowed", [])
        seed = call.request.headers.get(Header.EVENT_ID_SEED, "")
        taken: list[str] = []
        for number, event in enumerate(events):
            try:
                parsed = parse_event(event, self._engine.clock.now())
                row = self._engine.intake.take(parsed, ids.seeded_ulid(seed, number))
            except EventInvalidError as error:
                return _refused(400, str(error), taken)
            taken.append(row.internal_id)
        self._engine.retention.note(self._engine.clock.now(), len(taken))
        return json_response({"ids": taken, "status": 200})

    def invoke(self, call: Call) -> Response:
        """Run one function with the given data, whatever its triggers are."""
        slug = call.path["function"]
        function = self._engine.registry.by_slug(slug)
        if function is None:
            raise APIError(404, f"function not found: {slug}")
        payload: Mapping[str, Any] = parse_object(call.request.body) if call.request.body.strip() else {}
        event = system_events.invoked(payload, function, self._engine.clock.now())
        row = self._engine.intake.keep(event)
        try:
            run = self._engine.admission.invoke(function, row)
        except NotStartedError as error:
            raise APIError(409, f"{slug} was not started: {error}") from None
        return json_response({"id": row.internal_id, "run_id": run.id, "status": 200})

    def signal(self, call: Call) -> Response:
        """Give a signal to the run that waits for it."""
        body: Mapping[str, Any] = parse_object(call.request.body)
        signal = body.get("signal")
        if not isinstance(signal, str) or not signal:
            raise APIError(400, f"signal is a JSON {json_kind(signal)}; expected the name of a signal as a string")
        run = self._engine.executor.signals.send(fragments.text(signal), body.get("data"))
        if run is None:
            raise APIError(404, "No signal found")
        self._engine.store.commit()
        return enveloped({"run_id": run.id}, self._engine.clock.now())

    def list(self, call: Call) -> Response:
        refuse_unknown(call, ("name", "limit", "cursor", "include_internal"))
        query = call.query
        rows = self._engine.store.events(
            name=query.get("name") or None,
            before=query.get("cursor") or None,
            internal=query.get("include_internal", "").lower() in ("1", "true"),
            limit=page_size(query),
        )
        return enveloped([_event(row) for row in rows], self._engine.clock.now())

    def one(self, call: Call) -> Response:
        event_id = call.path["event"]
        row = self._engine.store.event(event_id)
        if row is None:
            raise APIError(404, f"event not found: {event_id}")
        return enveloped(_event(row), self._engine.clock.now())


def page_size(query: Mapping[str, str]) -> int:
    """Return the `limit` that a query asks for."""
    text = query.get("limit", str(_PAGE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _LARGEST_PAGE:
        raise APIError(400, f"limit is {text!r}; expected an integer from 1 to {_LARGEST_PAGE}")
    return int(text)


def _refused(status: int, message: str, taken: list[str]) -> Response:
    return json_response({"ids": taken, "status": status, "error": message}, status)


def _event(row: EventRow) -> dict[str, Any]:
    return {
        "internal_id": row.internal_id,
        "account_id": NO_ACCOUNT,
        "environment_id": NO_ACCOUNT,
        "source": "",
        "source_id": None,
        "received_at": iso(row.received_at),
        **fragments.load(row.body),
    }
