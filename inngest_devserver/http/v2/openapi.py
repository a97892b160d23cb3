"""The OpenAPI description of `/api/v2`, made of the types that its routes answer with."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import pydantic

from inngest_core.protocol.wire import VERSION

from . import shapes

_SCHEMAS = "#/components/schemas/{model}"
_STEP = "the hashed id of a step, or the id that the function gives it"
_RUN_QUERY = {
    "status": "QUEUED, RUNNING, WAITING, COMPLETED, FAILED or CANCELLED; may be repeated; RUNNING includes the others",
    "from": "the earliest time, RFC 3339",
    "until": "the time before which it was, RFC 3339",
    "timeField": "the time that is meant: QUEUED_AT (usual), STARTED_AT or ENDED_AT",
    "order": "DESC (usual) or ASC, by that time",
    "text": "a text in the id of the run, of its function or its events, in the data of its event, or in its output",
}
_PAGE_QUERY = {"limit": "items of a page, 1 to 100; usually 20", "cursor": "the cursor of the page before"}
_OUTPUT_QUERY = {"includeOutput": "true shows outputs too"}
_WAIT = {"type": "number", "minimum": 0, "maximum": 300, "description": "seconds to wait for the end of the run"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    data: what its answer holds under `data`; of one that lasts, what each server-sent event has as its data.
    body: JSON schema of the request.
    """

    summary: str
    data: Any
    query: dict[str, str] | None = None
    body: dict[str, Any] | None = None
    paged: bool = False
    lasts: bool = False


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


_TEXTS = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_BULK = _object(
    filter={
        "type": "object",
        "description": "as in the query of a list; at least one field",
        "properties": dict.fromkeys(("status", "appId", "functionId", "from", "until", "timeField", "text"), _TEXTS),
    },
    runIds={"type": "array", "items": {"type": "string"}, "description": "instead of filter: the runs"},
    limit={"type": "integer", "minimum": 1, "maximum": 1000, "description": "at most so many runs; usually 1000"},
    dryRun={"type": "boolean", "description": "true only tells which runs are meant"},
)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("/api/v2/health", "GET"): Operation("Tell whether the engine works.", shapes.Health),
    ("/api/v2/runs", "GET"): Operation(
        "List runs, the newest first.",
        list[shapes.RunView],
        {
            "appId": "an app's id; may be repeated",
            "functionId": "a function's id, with or without its app's; may be repeated",
            **_RUN_QUERY,
            **_PAGE_QUERY,
            **_OUTPUT_QUERY,
        },
        paged=True,
    ),
    ("/api/v2/runs/{run}", "GET"): Operation("Show one run.", shapes.RunView, _OUTPUT_QUERY),
    ("/api/v2/runs/{run}/trace", "GET"): Operation(
        "Show a run as a tree: its steps, their attempts, and with includeOutput what they gave.",
        shapes.TraceView,
        _OUTPUT_QUERY,
    ),
    ("/api/v2/runs/{run}/calls", "GET"): Operation(
        "List what the engine asked of the app for a run, and what came back, as far as it is kept.",
        list[shapes.CallView],
    ),
    ("/api/v2/runs/{run}/cancel", "POST"): Operation("Cancel a run that has not ended.", shapes.Started),
    ("/api/v2/runs/{run}/rerun", "POST"): Operation(
        "Do a run again, all of it or from one step, whose arguments may be given.",
        shapes.Started,
        body=_object(
            fromStep=_object(
                stepId={"type": "string", "description": _STEP},
                input={"type": "array", "description": "the arguments of the step"},
            ),
            wait=_WAIT,
        ),
    ),
    ("/api/v2/runs/{run}/steps/{step}/skip", "POST"): Operation(
        "End a sleep or a wait now; with `inngest dev` only.",
        shapes.Started,
        body=_object(event={"type": "object", "description": "the event that ends a wait; without it, none has come"}),
    ),
    ("/api/v2/runs/{run}/export", "GET"): Operation(
        "Show a run as a fixture of tests that replay it, without what looks like a secret.",
        shapes.ExportView,
        {
            "redact": "a name of more fields to redact, or a pattern; may be repeated",
            "payloads": "false redacts every text and number; usually true",
        },
    ),
    ("/api/v2/bulk/cancel", "POST"): Operation(
        "Cancel the runs that a filter finds, or that are named.", shapes.BulkResult, body=_BULK
    ),
    ("/api/v2/bulk/rerun", "POST"): Operation(
        "Do the runs again that a filter finds, or that are named.", shapes.BulkResult, body=_BULK
    ),
    ("/api/v2/events", "GET"): Operation(
        "List events, the newest first.",
        list[shapes.EventView],
        {
            "name": "the name",
            "text": "a text in its ids, its name or its data",
            "from": _RUN_QUERY["from"],
            "until": _RUN_QUERY["until"],
            "includeInternal": "true shows those of the engine too",
            **_PAGE_QUERY,
        },
        paged=True,
    ),
    ("/api/v2/events/{event}", "GET"): Operation("Show one event.", shapes.EventView),
    ("/api/v2/event-types", "GET"): Operation(
        "List the events that functions wait for and that have come, with the schema of their data and an example.",
        list[shapes.EventTypeView],
    ),
    ("/api/v2/logs", "GET"): Operation(
        "Show what the apps have written that the engine runs itself, oldest first.",
        list[shapes.LogView],
        {
            "appId": "only an app's",
            "runId": "only what was written in a run",
            "after": "begin after the line of this number; without it, the latest lines are shown",
            "limit": "at most so many lines, 1 to 1000; usually 100",
        },
    ),
    ("/api/v2/events", "POST"): Operation(
        "Send one event.",
        shapes.SentEvent,
        body=_object(name={"type": "string"}, data={"type": "object"}, id={"type": "string"}, ts={"type": "integer"}),
    ),
    ("/api/v2/events/{event}/runs", "GET"): Operation(
        "List the runs that an event started.", list[shapes.RunView], _OUTPUT_QUERY
    ),
    ("/api/v2/apps", "GET"): Operation("List the apps that are registered.", list[shapes.AppView], paged=True),
    ("/api/v2/apps/{app}/functions", "GET"): Operation(
        "List the functions of an app.", list[shapes.FunctionView], paged=True
    ),
    ("/api/v2/apps/{app}/functions/{function}", "GET"): Operation("Show one function.", shapes.FunctionView),
    ("/api/v2/apps/{app}/functions/{function}/runs", "GET"): Operation(
        "List the runs of a function.", list[shapes.RunView], {**_RUN_QUERY, **_PAGE_QUERY, **_OUTPUT_QUERY}, paged=True
    ),
    ("/api/v2/apps/{app}/functions/{function}/invoke", "POST"): Operation(
        "Run a function with the given data, whatever its triggers are.",
        shapes.Started,
        body=_object(
            data={"type": "object"},
            idempotencyKey={"type": "string", "description": "a second call with it starts nothing"},
            wait=_WAIT,
        ),
    ),
}

STREAMS: dict[tuple[str, str], Operation] = {
    ("/api/v2/changes", "GET"): Operation(
        "Tell what changes, as server-sent events.",
        list[shapes.ChangeView],
        {
            "kind": "event, run, step, app, log or call; may be repeated; all by default",
            "run": "only what concerns this run",
            "after": "the `lastChange` of an answer: begin after it, as with the header last-event-id",
        },
        lasts=True,
    ),
}
_ALL = {**OPERATIONS, **STREAMS}


@functools.cache
def description() -> dict[str, Any]:
    """Return the whole description."""
    adapters: list[tuple[int, Literal["serialization"], pydantic.TypeAdapter[Any]]] = [
        (number, "serialization", pydantic.TypeAdapter(shape)) for number, shape in enumerate(_shapes())
    ]
    found, components = pydantic.TypeAdapter.json_schemas(adapters, ref_template=_SCHEMAS)
    schemas = {number: schema for (number, _), schema in found.items()}
    paths: dict[str, Any] = {}
    for number, ((path, method), operation) in enumerate(_ALL.items()):
        paths.setdefault(path, {})[method.lower()] = _operation(path, method, operation, schemas, number)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The bundled engine", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": components["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _shapes() -> list[Any]:
    return [*(operation.data for operation in _ALL.values()), shapes.Metadata, shapes.Page, shapes.Errors]


def _operation(
    path: str, method: str, operation: Operation, schemas: dict[int, dict[str, Any]], number: int
) -> dict[str, Any]:
    count = len(_ALL)
    answer = _object(data=schemas[number], metadata=schemas[count])
    answer["required"] = ["data", "metadata"]
    if operation.paged:
        answer["properties"]["page"] = schemas[count + 1]
    content = {"application/json": {"schema": answer}}
    if operation.lasts:
        content = {"text/event-stream": {"schema": schemas[number]}}
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    in_path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    in_query = [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in (operation.query or {}).items()
    ]
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": f"{method.lower()} {path}",
        "parameters": [*in_path, *in_query],
        "security": [{"key": []}],
        "responses": {
            "200": {"description": "Done.", "content": content},
            "default": {"description": "Refused.", "content": {"application/json": {"schema": schemas[count + 2]}}},
        },
    }
    if operation.body is not None:
        described["requestBody"] = {"content": {"application/json": {"schema": operation.body}}}
    return described
