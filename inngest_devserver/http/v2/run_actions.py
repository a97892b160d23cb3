"""The handlers of `/api/v2` that do something with a run: cancel, do again, skip what it waits for, export."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import Any

from inngest_core.protocol.wire import hash_id, json_kind
from inngest_core.web.messages import Response
from inngest_devserver import fragments, ids
from inngest_devserver.apps.functions import Function
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import Call
from inngest_devserver.intake import EventInvalidError, parse_event
from inngest_devserver.runs.export import export_for_tests
from inngest_devserver.runs.progress import NotStartedError
from inngest_devserver.runs.reruns import Again, StepMissingError, from_step
from inngest_devserver.runs.run import Run
from inngest_devserver.runs.skipping import NotSkippableError, skip
from inngest_devserver.storage.tables import EventRow, RunRow

from .bodies import body_of, object_in, wait_seconds
from .envelope import answered
from .questions import QuestionError, flag
from .shapes import Started
from .views import run_status


class RunActions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store
        self._registry = engine.registry

    def row(self, call: Call) -> RunRow:
        """Return the run that a path names; raises QuestionError."""
        return self.row_of(call.path["run"])

    def row_of(self, run_id: str) -> RunRow:
        """Return the run of an id; raises QuestionError."""
        if not ids.is_ulid(run_id):
            raise QuestionError("Run ID must be a valid ULID")
        run = self._store.run(run_id)
        if run is None:
            raise QuestionError(f"There is no run {run_id}", code="run_not_found", status=404)
        return run

    def cancel(self, call: Call) -> Response:
        run_id = self.row(call).id
        self.cancel_one(run_id)
        return answered(self._engine, {"runId": run_id})

    def cancel_one(self, run_id: str) -> None:
        """Cancel a run; raises QuestionError: it has ended."""
        run = self._engine.active.get(run_id)
        if run is None:
            raise QuestionError("Cannot cancel an ended run", code="run_already_ended", status=409)
        self._engine.executor.cancel(run, "asked for through the API")

    async def rerun(self, call: Call) -> Response:
        """Do a run again: all of it, or from one step, whose arguments may be given."""
        row, body = self.row(call), body_of(call)
        run = self.rerun_one(row, self._again(row, body.get("fromStep")))
        return await self.started(run.id, body)

    def rerun_one(self, row: RunRow, again: Again | None = None) -> Run:
        """Start a run that does another one again; raises QuestionError."""
        function = self._registry.function(row.function_id)
        if function is None or self._registry.by_slug(function.slug) is None:
            raise QuestionError(
                "The function of this run is not registered any more", code="function_not_found", status=409
            )
        events = self._events(row)
        with refused_if_not_started(function):
            return self._engine.admission.rerun(function, events, again or Again(row.id))

    def _events(self, row: RunRow) -> list[EventRow]:
        events = [event for event_id in row.batch.split(",") if (event := self._store.event(event_id)) is not None]
        if not events:
            raise QuestionError("The event of this run is not kept any more", code="event_not_found", status=409)
        return events

    def _again(self, row: RunRow, asked: object) -> Again:
        if asked is None:
            return Again(row.id)
        step = object_in(asked, "fromStep")
        step_id, arguments = step.get("stepId"), step.get("input")
        if not isinstance(step_id, str) or not step_id:
            raise QuestionError("fromStep.stepId must be the id of a step")
        given: object = arguments
        if given is not None and not isinstance(given, list):
            raise QuestionError(f"fromStep.input is a JSON {json_kind(given)}; expected an array of arguments")
        try:
            again = from_step(self._store, row.id, step_id)
        except StepMissingError as error:
            raise QuestionError(str(error), code="step_not_found", status=404) from None
        if arguments is None:
            return again
        known = dict(self._store.inputs(row.id)).get(again.step_id)
        # Whoever edited what was shown gives back what was hidden from them as they saw it.
        shown: object = arguments
        restored = shown if known is None else self._engine.masking.restore(shown, fragments.load(known))
        return again.with_input(fragments.dump(restored))

    async def started(self, run_id: str, body: Mapping[str, Any]) -> Response:
        """Answer with the id of a run that was started; with its end too, if `wait` asks for it."""
        seconds = wait_seconds(body)
        started = Started(runId=run_id)
        if not seconds:
            return answered(self._engine, started)
        self._store.commit()
        if self._engine.active.knows(run_id):
            await self._engine.executor.ends.wait(run_id, seconds)
        row = self._store.run(run_id)
        if row is not None:
            started["status"] = run_status(row.status)
            if row.output is not None:
                started["output"] = self._engine.masking.mask_json(row.output)
        return answered(self._engine, started)

    def skip(self, call: Call) -> Response:
        """End a sleep or a wait now; for development only, as it changes what a run has waited for."""
        row, body = self.row(call), body_of(call, ("event",))
        if self._engine.options.server_kind != "dev":
            raise QuestionError(
                "A self-hosted engine skips no sleep and no wait: this is for development, with `inngest dev`",
                code="dev_only",
                status=403,
            )
        run = self._engine.active.get(row.id)
        if run is None:
            raise QuestionError("The run has ended", code="run_already_ended", status=409)
        step = call.path["step"]
        step_id = next((each for each in (step, hash_id(step)) if each in run.pauses), None)
        if step_id is None:
            raise QuestionError(f"Run {run.id} does not wait in a step {step}", code="step_not_found", status=404)
        try:
            skip(self._engine.executor, self._engine.journal, run, run.pauses[step_id], self._event_in(body))
        except NotSkippableError as error:
            raise QuestionError(str(error), code="not_skippable", status=409) from None
        return answered(self._engine, {"runId": run.id})

    def _event_in(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if body.get("event") is None:
            return None
        try:
            event = parse_event(body["event"], self._engine.clock.now())
        except EventInvalidError as error:
            raise QuestionError(str(error), code="invalid_event") from None
        return {"id": self._engine.ulids.new(self._engine.clock.now()), **event}

    def export(self, call: Call) -> Response:
        """Return a run as a fixture of tests, without what looks like a secret."""
        row = self.row(call)
        function = self._registry.function(row.function_id)
        slug = row.function_id if function is None else function.slug
        payloads = flag(call, "payloads", usually=True)
        patterns = [*self._engine.masking.patterns, *call.all("redact")]
        try:
            exported = export_for_tests(self._store, row, slug, patterns, payloads=payloads)
            return answered(self._engine, {"document": exported.document, "redacted": exported.redacted})
        except (RecursionError, ValueError):
            raise QuestionError(
                f"The run {row.id} cannot be exported: it holds a value that is nested too deeply",
                code="not_exportable",
                status=409,
            ) from None


@contextlib.contextmanager
def refused_if_not_started(function: Function) -> Generator[None]:
    """Tell why a function was not started, with a 409."""
    try:
        yield
    except NotStartedError as error:
        raise QuestionError(f"{function.slug} was not started: {error}", code="not_started", status=409) from None
