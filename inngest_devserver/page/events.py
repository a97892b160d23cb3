"""Events: what was received, what each has started; and the form that sends one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call, refuse_unknown
from inngest_devserver.http.v2.routes import V2Routes
from inngest_devserver.storage.tables import EventRow

from . import json_text, rendering
from .asking import ask
from .examples import event_body, event_names, example_of, like_event, restored
from .forms import form_of
from .json_fields import read_object
from .notes import note_of
from .run_list import RunLine, line_of

PAGE_SIZE = 50
_KNOWN = ("name", "cursor", "internal", "did", "count")


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event in one line. runs: those that it started."""

    id: str
    name: str
    received_at: float
    data: str
    runs: list[RunLine]


class EventPages:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._api = V2Routes(engine)

    def index(self, call: Call) -> Response:
        refuse_unknown(call, _KNOWN)
        name, before = call.query.get("name", "").strip(), call.query.get("cursor", "")
        internal = call.query.get("internal", "") == "yes"
        found = self._engine.store.events(
            name=name or None, before=before or None, internal=internal, limit=PAGE_SIZE + 1
        )
        shown = found[:PAGE_SIZE]
        return rendering.page(
            "events.html",
            lines=[self._line(row) for row in shown],
            name=name,
            internal=internal,
            is_first=not before,
            older=shown[-1].internal_id if len(found) > PAGE_SIZE else "",
            names=event_names(self._engine),
            note=note_of(call),
        )

    def _line(self, row: EventRow) -> EventLine:
        value = event_body(self._engine, row)
        runs = self._engine.store.runs_of_event(row.internal_id)
        return EventLine(
            row.internal_id,
            row.name,
            row.received_at,
            json_text.in_short(value.get("data"), 160),
            [line_of(self._engine, run) for run in runs],
        )

    def show(self, call: Call) -> Response:
        row = self._engine.store.event(call.path["event"])
        if row is None:
            raise APIError(404, f"There is no event {call.path['event']}. Events are removed after a while.")
        runs = self._engine.store.runs_of_event(row.internal_id)
        return rendering.page(
            "event.html",
            event=row,
            body=event_body(self._engine, row),
            lines=[line_of(self._engine, run) for run in reversed(runs)],
            listeners=sorted(one.slug for one in self._engine.registry.started_by(row.name, {"name": row.name})),
            is_internal=row.name.startswith("inngest/"),
            note=note_of(call),
        )

    # --- sending

    def form(self, call: Call) -> Response:
        """Show the form; with an event's id in the query, filled in with what that one holds."""
        refuse_unknown(call, ("name", "like"))
        given = call.query.get("like", "")
        like = self._engine.store.event(given) if given else None
        if like is None:
            return self._form(call.query.get("name", ""))
        return self._form(like.name, json_text.pretty(like_event(self._engine, like, "").data), like=like.internal_id)

    def _form(self, name: str, data: str = "", wrong: str = "", event_id: str = "", like: str = "") -> Response:
        example = example_of(self._engine, name)
        return rendering.page(
            "send.html",
            400 if wrong else 200,
            name=name,
            data=data or json_text.pretty(example.data),
            source=example.source if not data else "",
            schema=example.schema,
            event_id=event_id,
            like=like if data else example.like,
            names=event_names(self._engine),
            wrong=wrong,
        )

    async def send(self, call: Call) -> Response:
        """Send an event; lead to its run if it has started one, else to the event."""
        form = form_of(call)
        name, text, event_id = form.get("name", "").strip(), form.get("data", ""), form.get("id", "").strip()
        like = form.get("like", "")
        try:
            body: dict[str, Any] = {"name": name, "data": restored(self._engine, read_object(text, "The data"), like)}
            answer = await ask(self._api.send, call, body={**body, **({"id": event_id} if event_id else {})})
        except APIError as error:
            if error.status != 400:
                raise
            return self._form(name, text, error.message, event_id, like)
        event_key = str(answer["data"]["eventId"])
        runs = self._engine.store.runs_of_event(event_key)
        to = f"/runs/{runs[0].id}" if len(runs) == 1 else f"/events/{event_key}"
        return rendering.redirect(f"{to}?did=sent&count={len(runs)}")
