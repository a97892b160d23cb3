"""The list of runs: a page of them at a time, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import Call
from inngest_devserver.http.v2.run_lists import RunLists
from inngest_devserver.storage.tables import RunRow

from . import filters, rendering
from .notes import note_of
from .states import State, outcome_of, state_of

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as one line. took: seconds, until now for one that goes on."""

    id: str
    function: str
    name: str
    app: str
    event: str
    events: int
    state: State
    started_at: float
    took: float
    outcome: str
    is_again: bool


class RunList:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lists = RunLists(engine)

    async def show(self, call: Call) -> Response:
        wanted = filters.read(call)
        asked = Call(call.request, {}, filters.queries_of(self._engine, wanted))
        shown, after = await self._lists.look_up(asked, PAGE_SIZE)
        return rendering.page(
            "runs.html",
            wanted=wanted,
            lines=[line_of(self._engine, row) for row in shown],
            older=wanted.query(cursor=after) if after else "",
            note=note_of(call),
            **self._choices(),
        )

    def _choices(self) -> dict[str, Any]:
        registry = self._engine.registry
        return {
            "apps": sorted({registry.app_name(one.app_id) for one in registry.known()}),
            "functions": sorted(one.slug for one in registry.known()),
            "periods": filters.PERIOD_WORDS,
            "statuses": filters.STATUSES,
            "has_apps": bool(registry.apps()),
            "example_event": example_event(self._engine),
        }


def line_of(engine: Engine, row: RunRow) -> RunLine:
    function = engine.registry.function(row.function_id)
    event = engine.store.event(row.event_id)
    end = engine.clock.now() if row.ended_at is None else row.ended_at
    return RunLine(
        id=row.id,
        function=row.function_id if function is None else function.slug,
        name="a function that is not known" if function is None else function.name,
        app="" if function is None else engine.registry.app_name(function.app_id),
        event="" if event is None else event.name,
        events=row.batch.count(",") + 1,
        state=state_of(engine, row),
        started_at=row.started_at,
        took=end - row.started_at,
        outcome=outcome_of(engine, row),
        is_again=bool(row.rerun_of),
    )


def example_event(engine: Engine) -> str:
    """Return the name of an event that starts something here; empty when nothing is started by one."""
    names = (trigger.event for one in engine.registry.functions() for trigger in one.triggers)
    return next((name for name in names if name and "*" not in name and not name.startswith("inngest/")), "")
