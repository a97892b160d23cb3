"""Reports failed runs to Sentry, and calls as transactions.

A run that fails is one event, however often it was tried. The log lines about failed attempts, which Sentry's logging
integration would turn into events, stay breadcrumbs. Whether anything is sent, and whether a transaction is sampled,
is decided by the app's own `sentry_sdk.init`; without it, nothing happens here.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable, Generator, Mapping
from typing import Any

import sentry_sdk
from sentry_sdk.types import Event as SentryEvent
from sentry_sdk.types import Hint
from sentry_sdk.utils import event_from_exception

from inngest_core.errors import CallSupersededError, StepError
from inngest_core.execution import failure
from inngest_core.middleware.base import MiddlewareSync
from inngest_core.middleware.values import CallInfo, StepInfo, StepMemos

Wrapping = Generator[None, Any, None]

CALL_OP, STEP_OP = "queue.task.inngest", "inngest.step"
REQUEST_OP = "http.server"
"""Of the transactions that Sentry's integrations for web frameworks make."""
SIGNATURE = "x-inngest-signature"
MECHANISM = {"type": "inngest", "handled": False}


class SentryMiddleware(MiddlewareSync):
    """Reports failed runs to Sentry; give the class, or what `factory` returns, to a client."""

    keeps_call = True

    @classmethod
    def factory(cls, *, every_attempt: bool = False) -> Callable[[Any, object], SentryMiddleware]:
        """Return what to give to a client as middleware.

        every_attempt: report each failed attempt of a step and of a function, not only runs that have failed for good.
        """
        return lambda client, raw_request: cls(client, raw_request, every_attempt=every_attempt)

    def __init__(self, client: Any, raw_request: object, *, every_attempt: bool = False) -> None:
        """client, raw_request: as of any middleware. every_attempt: as of `factory`."""
        super().__init__(client, raw_request)
        self._every_attempt = every_attempt
        self._ctx: Any = None

    def wrap_request(self, call: CallInfo) -> Wrapping:
        """Give the call a scope and a transaction of its own."""
        self._ctx = ctx = call.ctx
        around = sentry_sdk.get_current_scope()
        if around.transaction is not None and around.transaction.op == REQUEST_OP:  # a scope that ends with the request
            around.add_event_processor(_without_body)
        with sentry_sdk.isolation_scope() as scope:
            scope.add_event_processor(_without_logged_failures)
            inner = sentry_sdk.get_current_scope()  # what is added to it comes last
            inner.add_event_processor(_without_body)
            inner.add_event_processor(functools.partial(_named, ctx.fn_id))
            self._describe(scope)
            transaction = sentry_sdk.continue_trace(
                _trace_headers(call.request.headers, ctx.run_id), op=CALL_OP, name=ctx.fn_id, source="task"
            )
            sampling = {"inngest": {"function_id": ctx.fn_id, "event_name": ctx.event.name, "attempt": ctx.attempt}}
            with sentry_sdk.start_transaction(transaction, custom_sampling_context=sampling) as started:
                answer = yield
                started.set_http_status(answer.status)

    def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        """Leave a breadcrumb about the steps that earlier calls have run."""
        self._ctx = ctx
        if steps.size:
            sentry_sdk.add_breadcrumb(category="inngest", message=f"{steps.size} steps had finished in earlier calls")

    def wrap_step(self, step: StepInfo) -> Wrapping:
        """Give the step a span."""
        with sentry_sdk.start_span(op=STEP_OP, name=step.id) as span:
            span.set_data("inngest.attempt", step.attempt)
            yield

    def on_step_complete(self, step: StepInfo, output: Any) -> None:
        """Leave a breadcrumb."""
        _leave_breadcrumb(step, "has run", "info")

    def on_step_error(self, step: StepInfo, error: BaseException, final: bool) -> None:
        """Leave a breadcrumb, and report the attempt if each one is to be."""
        _leave_breadcrumb(step, "failed" if final else "failed and will be tried again", "error")
        if self._every_attempt:
            self._report(error, step.id)

    def on_function_error(self, error: BaseException, final: bool) -> None:
        """Report that the run has failed, or its attempt if each one is to be."""
        if final or self._every_attempt:
            self._report(error, error.step_id if isinstance(error, StepError) else None)

    def _report(self, error: BaseException, step_id: str | None) -> None:
        """Send an event, unless the error was raised with quiet=True or says that nothing has failed."""
        if failure.is_quiet(error) or isinstance(error, CallSupersededError):
            return
        event, hint = event_from_exception(
            failure.exc_info(error) or error, client_options=sentry_sdk.get_client().options, mechanism=MECHANISM
        )
        with sentry_sdk.new_scope() as scope:
            self._describe(scope)
            # A failed step is raised in a later call, at a line that all its errors have in common.
            event["fingerprint"] = ["{{ default }}", self._ctx.fn_id]
            if step_id:
                scope.set_tag("inngest.step.id", step_id)
                event["fingerprint"].append(step_id)
            if isinstance(error, StepError):
                told = {"id": error.step_id, "name": error.name, "message": error.message, "stack": error.stack}
                scope.set_context("inngest step", told)
                event["fingerprint"].append(error.name)
            scope.capture_event(event, hint)

    def _describe(self, scope: sentry_sdk.Scope) -> None:
        """Say what runs, without the data of its events."""
        ctx = self._ctx
        tags = {
            "inngest.app.id": self.client.app_id,
            "inngest.function.id": ctx.fn_id,
            "inngest.run.id": ctx.run_id,
            "inngest.event.name": ctx.event.name,
        }
        for name, value in tags.items():
            scope.set_tag(name, value)
        attempt = {"attempt": ctx.attempt, "max_attempts": ctx.max_attempts}
        scope.set_context("inngest", {**attempt, "job_id": ctx.job_id, "request_id": ctx.request_id})


def _leave_breadcrumb(step: StepInfo, what: str, level: str) -> None:
    data = {"step": step.id, "attempt": step.attempt}
    sentry_sdk.add_breadcrumb(category="inngest.step", message=f'step "{step.id}" {what}', level=level, data=data)


def _trace_headers(headers: Mapping[str, str], run_id: str) -> dict[str, str]:
    """Return what continues the trace of the run: the engine's, or one that is made of the run's id.

    Says nothing about sampling, so that the app decides; and the same for all calls of a run, for Sentry draws its
    random number from the trace's id.
    """
    parts = headers.get("traceparent", "").split("-")
    if len(parts) < 4:  # version, trace, span, flags
        digest = hashlib.blake2b(run_id.encode(), digest_size=16).hexdigest()
        parts = ["", digest, digest[:16]]
    return {"sentry-trace": f"{parts[1]}-{parts[2]}"}


def _without_logged_failures(event: SentryEvent, hint: Hint) -> SentryEvent | None:
    """Drop what Sentry made of our log line about a failed attempt."""
    record = hint.get("log_record")
    return None if isinstance(record, logging.LogRecord) and record.pathname == failure.__file__ else event


def _without_body(event: SentryEvent, hint: Hint) -> SentryEvent:
    """Leave out what an integration for a web framework adds of the engine's request: the data of events, the results
    of steps, and the signature."""
    request = event.get("request")
    if request is not None:
        request.pop("data", None)
        headers: Any = request.get("headers") or {}
        request["headers"] = {name: value for name, value in headers.items() if name.lower() != SIGNATURE}
    return event


def _named(fn_id: str, event: SentryEvent, hint: Hint) -> SentryEvent:
    """Name what happens in a call by its function; an integration for a web framework names it by the request's path,
    which all functions have in common."""
    event["transaction"] = fn_id
    event["transaction_info"] = {"source": "task"}
    return event
