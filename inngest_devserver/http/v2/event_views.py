"""The handlers of `/api/v2` that show events, the types of events, and what apps have written."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from inngest_core.web.messages import Response
from inngest_devserver import ids
from inngest_devserver.app_output import OutputLine
from inngest_devserver.apps.event_types import data_of, example_of, schema_of
from inngest_devserver.apps.registry import OWN_PREFIX
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import Call
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.event_pages import EventFilter, event_after, event_names, event_page
from inngest_devserver.storage.tables import EventRow

from .envelope import answered
from .questions import QuestionError, flag, page_limit, time_in
from .run_lists import MOST_SEARCHED, SEARCHED_AT_ONCE, text_filter
from .shapes import EventTypeView, EventView, LogView, Page

_MOST_TYPES = 500
_EXAMPLES = 5
"""Events from which the schema of their data is made."""
_USUAL_LINES, _MOST_LINES = 100, 1_000


class EventViews:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._database = engine.store.database

    async def events(self, call: Call) -> Response:
        """List events, newest first, filtered by name, time and text."""
        limit = page_limit(call)
        wanted = EventFilter(
            name=call.query.get("name", ""),
            internal=flag(call, "includeInternal"),
            since=time_in(call, "from"),
            until=time_in(call, "until"),
            before=self._cursor(call),
            text=text_filter(self._engine.registry, call.query.get("text", "")),
        )
        rows, after = await self._find(wanted, limit)
        page = Page(limit=limit)
        if after:
            page["hasMore"], page["cursor"] = True, after
        return answered(self._engine, [self._event(row) for row in rows], page)

    def _cursor(self, call: Call) -> str:
        text = call.query.get("cursor", "")
        if text and not ids.is_ulid(text):
            raise QuestionError("cursor is none that this engine gave")
        return text

    async def _find(self, wanted: EventFilter, limit: int) -> tuple[list[EventRow], str]:
        if wanted.text is None:
            return self._look(wanted, limit)
        found: list[EventRow] = []
        for _ in range(MOST_SEARCHED // SEARCHED_AT_ONCE):
            through = event_after(self._database, wanted, SEARCHED_AT_ONCE)
            rows, after = self._look(dataclasses.replace(wanted, through=through), limit - len(found))
            found += rows
            if after or not through:
                return found, after
            wanted = dataclasses.replace(wanted, before=through)
            if len(found) == limit:
                break
            await asyncio.sleep(0)
        return found, wanted.before

    def _look(self, wanted: EventFilter, limit: int) -> tuple[list[EventRow], str]:
        rows = event_page(self._database, wanted, limit + 1)
        return rows[:limit], rows[limit - 1].internal_id if len(rows) > limit else ""

    def event(self, call: Call) -> Response:
        row = self._engine.store.event(call.path["event"])
        if row is None:
            raise QuestionError(f"There is no event {call.path['event']}", code="event_not_found", status=404)
        return answered(self._engine, self._event(row))

    def _event(self, row: EventRow) -> EventView:
        body = self._engine.masking.mask_event(row.body)
        view = EventView(
            id=row.internal_id,
            name=row.name,
            data=body.get("data") or {},
            ts=row.ts,
            receivedAt=iso(row.received_at),
        )
        if row.id != row.internal_id:
            view["senderId"] = row.id
        if body.get("user"):
            view["user"] = body["user"]
        if body.get("v"):
            view["v"] = body["v"]
        return view

    def types(self, _: Call) -> Response:
        """List the events that functions wait for and that have come, each with a schema and an example."""
        came = event_names(self._database, _MOST_TYPES)
        waited_for: dict[str, list[str]] = {}
        for function in self._engine.registry.functions():
            for trigger in function.triggers:
                if trigger.event and not trigger.event.startswith(OWN_PREFIX):
                    waited_for.setdefault(trigger.event, []).append(function.slug)
        names = [*waited_for, *(name for name in came if name not in waited_for)][:_MOST_TYPES]
        return answered(self._engine, [self._type(name, waited_for.get(name, ()), came.get(name)) for name in names])

    def _type(self, name: str, functions: Sequence[str], came: float | None) -> EventTypeView:
        view = EventTypeView(name=name, functions=list(dict.fromkeys(functions)), source="none", example={})
        told = self._engine.event_types.told(name)
        latest = event_page(self._database, EventFilter(name=name), _EXAMPLES) if came is not None else []
        data = data_of(row.body for row in latest)
        if told is not None:
            view["source"], view["schema"] = "app", dict(told)
            view["example"] = example_of(told)
        elif data:
            view["source"], view["schema"] = "events", schema_of(data)
            view["example"] = self._engine.masking.mask(data[0])
        if came is not None:
            view["lastReceivedAt"] = iso(came)
        return view

    def logs(self, call: Call) -> Response:
        """Show what the apps have written that the engine runs itself, oldest first."""
        after = call.query.get("after", "")
        limit = call.query.get("limit", str(_USUAL_LINES))
        for name, text in (("after", after or "0"), ("limit", limit)):
            if not text.isascii() or not text.isdigit():
                raise QuestionError(f"{name} must be a number of lines")
        if not 1 <= int(limit[:9]) <= _MOST_LINES:
            raise QuestionError(f"limit must be an integer from 1 to {_MOST_LINES}")
        lines = self._engine.output.lines(
            app=call.query.get("appId", ""),
            run=call.query.get("runId", ""),
            after=int(after[:18]) if after else None,
            limit=int(limit),
        )
        return answered(self._engine, [_line(line) for line in lines])


def _line(line: OutputLine) -> LogView:
    apps, at = list(line.apps), iso(line.at)
    view = LogView(number=line.number, at=at, target=line.target, apps=apps, stream=line.stream, text=line.text)
    if line.run:
        view["runId"] = line.run
    return view
