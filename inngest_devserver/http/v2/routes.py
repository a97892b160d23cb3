"""The handlers of `/api/v2`: runs and their traces, apps, functions; cancel, rerun, invoke, send."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any, cast

from inngest_core.protocol.wire import json_kind, parse_object
from inngest_core.web.messages import Response
from inngest_devserver import fragments, ids
from inngest_devserver.apps.functions import Function
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call, json_response
from inngest_devserver.http.waiting import waits_for
from inngest_devserver.intake import EventInvalidError, parse_event
from inngest_devserver.runs import system_events
from inngest_devserver.runs.progress import NotStartedError
from inngest_devserver.runs.reruns import Again, StepMissingError, from_step
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.run_pages import RunFilter, place_of, run_page
from inngest_devserver.storage.tables import AppRow, RunRow

from .questions import QuestionError, cursor, flag, page_limit, run_filter
from .shapes import Errors, Page, RunView, SpanView, Started
from .views import app_view, function_view, run_status, run_view, span_view

LONGEST_WAIT_SECONDS = 300.0
"""How long a request may wait for the end of a run."""


def refuse(error: APIError) -> Response:
    """Return an error as `/api/v2` tells it."""
    named = {400: "invalid_request", 401: "unauthenticated", 404: "not_found", 405: "method_not_allowed"}
    code = error.code if isinstance(error, QuestionError) else named.get(error.status, "internal_error")
    body = Errors(errors=[{"code": code, "message": error.message}])
    return json_response(body, error.status)


class V2Routes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store
        self._registry = engine.registry

    def _answer(self, data: object, page: Page | None = None) -> Response:
        body: dict[str, object] = {"data": data, "metadata": {"fetchedAt": iso(self._engine.clock.now())}}
        if page is not None:
            body["page"] = page
        return json_response(body)

    def health(self, _: Call) -> Response:
        return self._answer({"status": "ok"})

    def describe(self, _: Call) -> Response:
        """Describe these routes to programs."""
        from .openapi import description  # its schemas take longer to make than the engine to start

        return json_response(description())

    # --- runs

    def runs(self, call: Call) -> Response:
        """List runs, filtered by status, app, function and time."""
        apps, functions = call.all("appId"), call.all("functionId")
        wanted = run_filter(call)
        if apps or functions:
            wanted = dataclasses.replace(wanted, functions=self._functions_of(apps, functions))
        return self._run_page(call, wanted)

    def _functions_of(self, apps: Sequence[str], functions: Sequence[str]) -> list[str]:
        """Return the engine's ids of the functions that are meant; also of those that are not registered any more."""
        return [
            one.id
            for one in self._registry.known()
            if (not apps or {self._registry.app_name(one.app_id), one.app_id} & set(apps))
            and (not functions or self._names(one) & set(functions))
        ]

    def _names(self, function: Function) -> set[str]:
        app = self._registry.app_name(function.app_id)
        return {function.id, function.slug, function.slug.removeprefix(f"{app}-")}

    def _run_page(self, call: Call, wanted: RunFilter) -> Response:
        limit = page_limit(call)
        found = run_page(self._store.database, wanted, limit + 1)
        page = Page(limit=limit)
        if len(found) > limit:
            page["hasMore"] = True
            page["cursor"] = cursor(place_of(found[limit - 1], wanted.time_field), wanted.time_field)
        output = flag(call, "includeOutput")
        return self._answer([run_view(run, self._registry, output=output) for run in found[:limit]], page)

    def runs_of_event(self, call: Call) -> Response:
        event = self._store.event(call.path["event"])
        if event is None:
            raise QuestionError(f"There is no event {call.path['event']}", code="event_not_found", status=404)
        output = flag(call, "includeOutput")
        found: list[RunView] = [
            run_view(run, self._registry, output=output) for run in self._store.runs_of_event(event.internal_id)
        ]
        return self._answer(found)

    def run(self, call: Call) -> Response:
        row = self._run(call)
        view = run_view(row, self._registry, output=flag(call, "includeOutput"))
        if reasons := waits_for(self._engine, row.id):
            view["waitsFor"] = reasons
        return self._answer(view)

    def trace(self, call: Call) -> Response:
        """Show a run as a tree of spans: its steps, their attempts, and with includeOutput what they gave."""
        run, output = self._run(call), flag(call, "includeOutput")
        root: SpanView = span_view(self._engine.trace(run), output=output)
        if output:
            events = [row for event_id in run.batch.split(",") if (row := self._store.event(event_id)) is not None]
            root["input"] = {"data": [fragments.load(event.body) for event in events]}
        return self._answer({"runId": run.id, "rootSpan": root})

    def _run(self, call: Call) -> RunRow:
        run_id = call.path["run"]
        if not ids.is_ulid(run_id):
            raise QuestionError("Run ID must be a valid ULID")
        run = self._store.run(run_id)
        if run is None:
            raise QuestionError(f"There is no run {run_id}", code="run_not_found", status=404)
        return run

    def cancel(self, call: Call) -> Response:
        row = self._run(call)
        run = self._engine.active.get(row.id)
        if run is None:
            raise QuestionError("Cannot cancel an ended run", code="run_already_ended", status=409)
        self._engine.executor.cancel(run, "asked for through the API")
        return self._answer({"runId": run.id})

    async def rerun(self, call: Call) -> Response:
        """Do a run again: all of it, or from one step, whose arguments may be given."""
        row = self._run(call)
        body = _body(call)
        function = self._registry.function(row.function_id)
        if function is None or self._registry.by_slug(function.slug) is None:
            raise QuestionError(
                "The function of this run is not registered any more", code="function_not_found", status=409
            )
        events = [event for event_id in row.batch.split(",") if (event := self._store.event(event_id)) is not None]
        if not events:
            raise QuestionError("The event of this run is not kept any more", code="event_not_found", status=409)
        again = self._again(row, body.get("fromStep"))
        with _refused_if_not_started(function):
            run = self._engine.admission.rerun(function, events, again)
        return await self._started(run.id, body)

    def _again(self, row: RunRow, asked: object) -> Again:
        if asked is None:
            return Again(row.id)
        step = _object(asked, "fromStep")
        step_id, arguments = step.get("stepId"), step.get("input")
        if not isinstance(step_id, str) or not step_id:
            raise QuestionError("fromStep.stepId must be the id of a step")
        if arguments is not None and not isinstance(arguments, list):
            raise QuestionError(f"fromStep.input is a JSON {json_kind(arguments)}; expected an array of arguments")
        try:
            given = None if arguments is None else fragments.dump(cast("list[object]", arguments))
            return from_step(self._store, row.id, step_id, given)
        except StepMissingError as error:
            raise QuestionError(str(error), code="step_not_found", status=404) from None

    # --- apps and functions

    def apps(self, _: Call) -> Response:
        apps = self._registry.apps()
        return self._answer([app_view(app, self._registry) for app in apps], Page(limit=max(len(apps), 20)))

    def functions(self, call: Call) -> Response:
        app = self._app(call)
        functions = self._registry.functions(app.id)
        page = Page(limit=max(len(functions), 20))
        return self._answer([function_view(one, app.name) for one in functions], page)

    def function(self, call: Call) -> Response:
        return self._answer(function_view(self._function(call), self._app(call).name))

    def runs_of_function(self, call: Call) -> Response:
        wanted = dataclasses.replace(run_filter(call), functions=[self._function(call).id])
        return self._run_page(call, wanted)

    def _app(self, call: Call) -> AppRow:
        name = call.path["app"]
        app = self._registry.app_named(name) or self._registry.app(name)
        if app is None:
            raise QuestionError(f"There is no app {name}", code="app_not_found", status=404)
        return app

    def _function(self, call: Call) -> Function:
        app, name = self._app(call), call.path["function"]
        found = next((one for one in self._registry.functions(app.id) if name in self._names(one)), None)
        if found is None:
            raise QuestionError(f"App {app.name} has no function {name}", code="function_not_found", status=404)
        return found

    async def invoke(self, call: Call) -> Response:
        """Run a function with the given data; with `wait`, answer when it has ended."""
        function, body = self._function(call), _body(call)
        key = body.get("idempotencyKey")
        if key is not None and not isinstance(key, str):
            raise QuestionError("idempotencyKey must be a text")
        earlier = self._store.event(_key_id(function, key)) if key else None
        runs = self._store.runs_of_event(earlier.internal_id) if earlier else []
        if runs:
            return await self._started(runs[0].id, body)
        event = system_events.invoked(_object(body, "the body", "data"), function, self._engine.clock.now())
        if key:
            event["id"] = _key_id(function, key)
        kept = earlier or self._engine.intake.keep(event)  # one that was refused before is asked for again
        with _refused_if_not_started(function):
            run = self._engine.admission.invoke(function, kept)
        return await self._started(run.id, body)

    async def _started(self, run_id: str, body: Mapping[str, Any]) -> Response:
        """Answer with the id of a run that was started; with its end too, if `wait` asks for it."""
        seconds = _wait_seconds(body)
        started = Started(runId=run_id)
        if not seconds:
            return self._answer(started)
        self._store.commit()
        if self._engine.active.knows(run_id):
            await self._engine.executor.ends.wait(run_id, seconds)
        row = self._store.run(run_id)
        if row is not None:
            started["status"] = run_status(row.status)
            if row.output is not None:
                started["output"] = fragments.load(row.output)
        return self._answer(started)

    def send(self, call: Call) -> Response:
        """Take in one event."""
        try:
            event = parse_event(parse_object(call.request.body), self._engine.clock.now())
            row = self._engine.intake.take(event)
        except EventInvalidError as error:
            raise QuestionError(str(error), code="invalid_event") from None
        return self._answer({"eventId": row.internal_id})


@contextlib.contextmanager
def _refused_if_not_started(function: Function) -> Generator[None]:
    try:
        yield
    except NotStartedError as error:
        raise QuestionError(f"{function.slug} was not started: {error}", code="not_started", status=409) from None


def _wait_seconds(body: Mapping[str, Any]) -> float:
    seconds = body.get("wait", 0)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise QuestionError(f"wait must be a number of seconds from 0 to {LONGEST_WAIT_SECONDS:g}")
    return float(seconds)


def _body(call: Call) -> Mapping[str, Any]:
    return parse_object(call.request.body) if call.request.body.strip() else {}


def _object(value: object, what: str, *keys: str) -> Mapping[str, Any]:
    """Return *value*, which must be an object, and so must be what it has at *keys*."""
    if not isinstance(value, dict):
        raise QuestionError(f"{what} is a JSON {json_kind(value)}; expected an object")
    found = cast("dict[str, Any]", value)
    for key in keys:
        if found.get(key) is not None and not isinstance(found[key], dict):
            raise QuestionError(f"{key} is a JSON {json_kind(found[key])}; expected an object")
    return found


def _key_id(function: Function, key: str) -> str:
    """Return the event id that makes two invocations with one key the same."""
    return f"{function.slug}/{key}"
