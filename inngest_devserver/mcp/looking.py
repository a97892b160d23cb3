"""The tools that look and change nothing: functions, runs, why a run is as it is, events, what has happened."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from inngest_core.protocol.duration import dump_time, parse_duration
from inngest_devserver.json_parts import error_in_words, in_short, mapping, mappings, moment_of, one_line
from inngest_devserver.run_text import function_of, has_ended, headline, in_text, why_it_waits
from inngest_devserver.scheduling.clock import Clock

from .asking import Asking, NotThereError, RefusedError
from .fitting import shorten

Status = Literal["QUEUED", "RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED"]
FunctionId = Annotated[str, Field(description="the id of a function, as in shop-order, or order")]
RunId = Annotated[str, Field(description="the id of a run, as list_runs shows it")]
Since = Annotated[str, Field(description="how long ago, as in 90s, 30m, 2h or 1d")]
Limit = Annotated[int, Field(ge=1, le=100, description="at most so many")]
_MOST_LINES = 60


class Looking:
    """asking: the engine that is looked at. clock: tells what "ago" is."""

    def __init__(self, asking: Asking, clock: Clock) -> None:
        self._asking = asking
        self._clock = clock

    async def list_functions(self) -> list[dict[str, Any]]:
        """List the apps and functions that are registered: what starts each, and its options in words."""
        found: list[dict[str, Any]] = []
        for app in mappings(await self._asking.get("/api/v2/apps")):
            name = str(app.get("id"))
            for function in mappings(await self._asking.get(f"/api/v2/apps/{quote(name, safe='')}/functions")):
                triggers = [str(one.get("value")) for one in mappings(function.get("triggers"))]
                found.append(
                    {
                        "id": f"{name}-{function.get('id')}",
                        "name": function.get("name"),
                        "app": name,
                        "startedBy": function.get("startedBy") or ", ".join(triggers) or "invoked only",
                        "options": function.get("options") or [],
                    }
                )
        return found

    async def list_event_types(self) -> list[dict[str, Any]]:
        """List the events that functions wait for or that have come, with the schema of their data and an example."""
        try:
            return [
                _shortened(one, "schema", "example") for one in mappings(await self._asking.get("/api/v2/event-types"))
            ]
        except NotThereError:
            raise RefusedError(
                "this engine does not tell types of events; list_functions says what starts them"
            ) from None

    async def list_runs(
        self,
        function: Annotated[str, Field(description="only of this function, as in shop-order; empty for all")] = "",
        status: Status | None = None,
        since: Annotated[str, Field(description="how long ago, as in 90s or 2h; empty for any time")] = "",
        text: Annotated[str, Field(description="only with this text in ids, names, event data or output")] = "",
        limit: Limit = 20,
    ) -> list[dict[str, Any]]:
        """List the latest runs, newest first."""
        query = [("limit", str(limit)), ("includeOutput", "true")]
        query += [("status", status)] if status else []
        query += [("from", dump_time(self._moment(since)))] if since else []
        query += [("text", text)] if text else []
        query += [("functionId", function)] if function else []
        return [_short(run) for run in mappings(await self._asking.get("/api/v2/runs", query))]

    async def explain_run(self, run_id: RunId) -> str:
        """Explain one run: its events, its steps with inputs, outputs and attempts, its error, why it waits, logs."""
        run = await self.run(run_id)
        path, query = f"/api/v2/runs/{quote(run_id, safe='')}/trace", [("includeOutput", "true")]
        trace = mapping(mapping(await self._asking.get(path, query)).get("rootSpan"))
        reasons = run.get("waitsFor") or why_it_waits(run, trace)
        told = in_text({**run, **({"waitsFor": reasons} if reasons else {}), "trace": trace})
        lines = await self._lines([("runId", run_id), ("limit", "100")])
        return "\n".join([told, *(["logs:"] if lines else []), *(f"  {line['text']}" for line in lines)])

    async def run(self, run_id: str) -> dict[str, Any]:
        """Return a run with its output. Raises RefusedError."""
        found = await self._asking.get(f"/api/v2/runs/{quote(run_id, safe='')}", [("includeOutput", "true")])
        return dict(mapping(found))

    async def list_events(
        self,
        name: Annotated[str, Field(description="only of this name; empty for all")] = "",
        text: Annotated[str, Field(description="only with this text in ids, names or data")] = "",
        limit: Limit = 20,
    ) -> list[dict[str, Any]]:
        """List the latest events, newest first."""
        query = [("limit", str(limit)), *([("name", name)] if name else [])]
        try:
            found = mappings(await self._asking.get("/api/v2/events", [*query, *_text(text)]))
        except RefusedError:
            if text:
                raise
            found = mappings(await self._asking.get("/v1/events", query))
        return [_shortened(one, "data", "user") for one in found]

    async def tail(self, since: Since = "1m") -> str:
        """Tell what has happened lately, a line for each event, run and line of output, the latest last."""
        began = self._moment(since)
        found: list[tuple[datetime.datetime, str]] = []
        for event in await self.list_events(limit=100):
            at = moment_of(event.get("receivedAt") or event.get("received_at"))
            found.append((at, f"event  {event.get('name')} {in_short(event.get('data'))}"))
        query = [("from", dump_time(began)), ("limit", "100"), ("includeOutput", "true")]
        found += [
            (moment_of(run.get("endedAt") or run["queuedAt"]), f"run    {headline(run)}{_why(run)}")
            for run in mappings(await self._asking.get("/api/v2/runs", query))
        ]
        found += [
            (moment_of(line["at"]), f"app    {line.get('target')}  {line.get('text')}")
            for line in await self._lines([("limit", "200")])
        ]
        lines = [f"{at:%H:%M:%S} {one_line(text)}" for at, text in sorted(found) if at >= began]
        return "\n".join(lines[-_MOST_LINES:]) or f"nothing has happened in the last {since}"

    def _moment(self, since: str) -> datetime.datetime:
        try:
            seconds = parse_duration(since)
        except ValueError:
            raise RefusedError(f"{since!r} is not a duration; write it as in 90s, 30m, 2h or 1d") from None
        return datetime.datetime.fromtimestamp(self._clock.now() - seconds, datetime.UTC)

    async def _lines(self, query: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return lines of output of apps; none from an engine that does not show them."""
        try:
            return [dict(one) for one in mappings(await self._asking.get("/api/v2/logs", query))]
        except RefusedError:
            return []


def _shortened(view: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    """Return what is listed, with the values of these fields cut where they are long."""
    return {name: shorten(value) if name in fields else value for name, value in view.items()}


def _text(text: str) -> list[tuple[str, str]]:
    return [("text", text)] if text else []


def _why(run: Any) -> str:
    return f": {error_in_words(run.get('output'))}" if run.get("status") == "FAILED" else ""


def _short(run: Any) -> dict[str, Any]:
    """Return what tells runs apart."""
    found = {
        "id": run["id"],
        "function": function_of(run),
        "status": run["status"],
        "queuedAt": run.get("queuedAt"),
        "endedAt": run.get("endedAt"),
        "event": mapping(run.get("trigger")).get("eventName"),
        "error": error_in_words(run.get("output")) if run["status"] == "FAILED" else None,
        "goesOn": None if has_ended(run) else True,
    }
    return {key: value for key, value in found.items() if value is not None}
