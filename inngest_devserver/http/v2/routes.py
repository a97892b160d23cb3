"""The handlers of `/api/v2` that look: runs and their traces, apps, functions. Also invoke and send."""

from __future__ import annotations

from inngest_core.protocol.wire import parse_object
from inngest_core.web.messages import Response
from inngest_devserver.apps.functions import Function
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call, json_response
from inngest_devserver.http.waiting import waits_for, waits_of_steps
from inngest_devserver.intake import EventInvalidError, parse_event
from inngest_devserver.masking import Masking
from inngest_devserver.runs import system_events
from inngest_devserver.storage.run_pages import related_runs
from inngest_devserver.storage.tables import AppRow

from .bodies import body_of, object_in
from .envelope import answered
from .questions import QuestionError, flag
from .run_actions import RunActions, refused_if_not_started
from .run_lists import RunLists
from .shapes import Errors, Page, RunView, SpanView
from .views import app_view, call_view, function_view, run_view, span_view


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
        self._lists = RunLists(engine)
        self._actions = RunActions(engine)

    def _answer(self, data: object, page: Page | None = None) -> Response:
        return answered(self._engine, data, page)

    def health(self, _: Call) -> Response:
        return self._answer({"status": "ok"})

    def describe(self, _: Call) -> Response:
        """Describe these routes to programs."""
        from .openapi import description  # its schemas take longer to make than the engine to start

        return json_response(description())

    # --- runs

    async def runs(self, call: Call) -> Response:
        """List runs, filtered by status, app, function, time and text."""
        return await self._lists.page(call)

    def runs_of_event(self, call: Call) -> Response:
        event = self._store.event(call.path["event"])
        if event is None:
            raise QuestionError(f"There is no event {call.path['event']}", code="event_not_found", status=404)
        output = self._output(call)
        found: list[RunView] = [
            run_view(run, self._registry, output) for run in self._store.runs_of_event(event.internal_id)
        ]
        return self._answer(found)

    def run(self, call: Call) -> Response:
        row = self._actions.row(call)
        view = run_view(row, self._registry, self._output(call))
        if reasons := waits_for(self._engine, row.id):
            view["waitsFor"] = reasons
        if reruns := [one.id for one in related_runs(self._store.database, row.id) if one.rerun_of == row.id]:
            view["reruns"] = reruns
        return self._answer(view)

    def trace(self, call: Call) -> Response:
        """Show a run as a tree of spans: its steps, their attempts, and with includeOutput what they gave."""
        run, output = self._actions.row(call), self._output(call)
        waits: dict[str, list[str]] = {}
        for step_id, text in waits_of_steps(self._engine, run.id):
            waits.setdefault(step_id, []).append(text)
        found, masking = self._engine.trace(run), self._engine.masking
        root: SpanView = span_view(found, waits, masking, has_output=output is not None)
        if output is not None:
            events = [row for event_id in run.batch.split(",") if (row := self._store.event(event_id)) is not None]
            root["input"] = {"data": [output.mask_json(event.body) for event in events]}
        return self._answer({"runId": run.id, "rootSpan": root})

    def calls(self, call: Call) -> Response:
        """Show what the engine asked of the app for a run, as far as that is kept."""
        run = self._actions.row(call)
        names = {span.step_id: span.name for span in self._engine.trace(run).children if span.step_id}
        calls = self._engine.calls.of_run(run.id)
        return self._answer([call_view(each, names, self._engine.masking) for each in calls])

    def _output(self, call: Call) -> Masking | None:
        """Return how outputs are shown, if they are asked for."""
        return self._engine.masking if flag(call, "includeOutput") else None

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

    async def runs_of_function(self, call: Call) -> Response:
        return await self._lists.page(call, [self._function(call).id])

    def _app(self, call: Call) -> AppRow:
        name = call.path["app"]
        app = self._registry.app_named(name) or self._registry.app(name)
        if app is None:
            raise QuestionError(f"There is no app {name}", code="app_not_found", status=404)
        return app

    def _function(self, call: Call) -> Function:
        app, name = self._app(call), call.path["function"]
        found = next((one for one in self._registry.functions(app.id) if name in self._lists.names(one)), None)
        if found is None:
            raise QuestionError(f"App {app.name} has no function {name}", code="function_not_found", status=404)
        return found

    async def invoke(self, call: Call) -> Response:
        """Run a function with the given data; with `wait`, answer when it has ended."""
        function, body = self._function(call), body_of(call)
        key = body.get("idempotencyKey")
        if key is not None and not isinstance(key, str):
            raise QuestionError("idempotencyKey must be a text")
        earlier = self._store.event(_key_id(function, key)) if key else None
        runs = self._store.runs_of_event(earlier.internal_id) if earlier else []
        if runs:
            return await self._actions.started(runs[0].id, body)
        event = system_events.invoked(object_in(body, "the body", "data"), function, self._engine.clock.now())
        if key:
            event["id"] = _key_id(function, key)
        kept = earlier or self._engine.intake.keep(event)  # one that was refused before is asked for again
        with refused_if_not_started(function):
            run = self._engine.admission.invoke(function, kept)
        return await self._actions.started(run.id, body)

    def send(self, call: Call) -> Response:
        """Take in one event."""
        try:
            event = parse_event(parse_object(call.request.body), self._engine.clock.now())
            row = self._engine.intake.take(event)
        except EventInvalidError as error:
            raise QuestionError(str(error), code="invalid_event") from None
        return self._answer({"eventId": row.internal_id})


def _key_id(function: Function, key: str) -> str:
    """Return the event id that makes two invocations with one key the same."""
    return f"{function.slug}/{key}"
