"""What `/api/v2` answers: the types that the routes are checked against and that its OpenAPI description is made of."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

RunStatus = Literal["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]


class Metadata(TypedDict):
    """lastChange: of `/api/v2/changes`, the latest that this answer has in it."""

    fetchedAt: str
    lastChange: str


class Page(TypedDict):
    """cursor: of the next page, if there is one."""

    limit: int
    cursor: NotRequired[str]
    hasMore: NotRequired[bool]


class AppRef(TypedDict):
    id: str


class FunctionRef(TypedDict):
    id: str
    name: str


class RunTrigger(TypedDict):
    """eventName: of the first of the events."""

    eventIds: list[str]
    eventName: str


class FrameView(TypedDict):
    """One call in a traceback. code: its lines in the source, if they are known. own: not in a library."""

    file: str
    line: int
    function: str
    code: list[str]
    own: bool


class FailureView(TypedDict):
    """An error. frames: outermost first. stack: the text of the traceback. causes: from which it was raised."""

    name: str
    message: str
    frames: list[FrameView]
    stack: str
    causes: NotRequired[list[FailureView]]


class RunView(TypedDict):
    """A run. output, error: when asked for, once it has ended. rerunOf: the run that it does again.

    parentRunId, parentStepId: the step that invoked it. When one run is asked for, waitsFor: why it does not go on;
    reruns: the runs that do it again.
    """

    id: str
    app: AppRef
    function: FunctionRef
    status: RunStatus
    queuedAt: str
    startedAt: NotRequired[str]
    endedAt: NotRequired[str]
    trigger: RunTrigger
    output: NotRequired[Any]
    error: NotRequired[FailureView]
    rerunOf: NotRequired[str]
    parentRunId: NotRequired[str]
    parentStepId: NotRequired[str]
    reruns: NotRequired[list[str]]
    waitsFor: NotRequired[list[str]]


class MetadataView(TypedDict):
    """What is known of a step, or of a run, besides its result. kind: what it is about, such as "inngest.ai".

    values: as the app gave them, but whole numbers are texts, as of every engine.
    """

    kind: str
    scope: str
    updatedAt: str
    values: dict[str, Any]


class SpanView(TypedDict):
    """One piece of work of a run. durationMs: a number in a text. output, input, error: when asked for.

    input: the events of a run, the arguments of a step. detail: how it waits, or why it is tried again, in words.
    queuedAt: when a step was reported. startedAt: when its first attempt was made. attempt: of an attempt, from 0.
    group: steps that were reported together have the same number. invokedRunId: the run that a step started.
    waitsFor: why a step does not go on. metadata: of a step; of the root, of the run.
    """

    id: str
    name: str
    status: RunStatus
    queuedAt: str
    startedAt: NotRequired[str]
    endedAt: NotRequired[str]
    durationMs: NotRequired[str]
    stepId: NotRequired[str]
    stepOp: NotRequired[str]
    detail: NotRequired[str]
    attempt: NotRequired[int]
    group: NotRequired[int]
    invokedRunId: NotRequired[str]
    waitsFor: NotRequired[list[str]]
    input: NotRequired[Any]
    output: NotRequired[Any]
    error: NotRequired[FailureView]
    metadata: NotRequired[list[MetadataView]]
    children: NotRequired[list[SpanView]]


class TraceView(TypedDict):
    runId: str
    rootSpan: SpanView


class CallView(TypedDict):
    """One call of an app. asked: for what, in words. sent, received: the bodies, or as texts their beginnings.

    status: of HTTP. error: why no answer came. While a call is under way, only what was asked is there.
    """

    id: str
    asked: str
    stepId: NotRequired[str]
    attempt: int
    url: str
    startedAt: str
    endedAt: NotRequired[str]
    durationMs: NotRequired[str]
    status: NotRequired[int]
    error: NotRequired[str]
    sentBytes: int
    sent: Any
    receivedBytes: NotRequired[int]
    received: NotRequired[Any]


class LatestSync(TypedDict):
    url: str
    appVersion: NotRequired[str]
    framework: NotRequired[str]
    sdkLanguage: NotRequired[str]
    sdkVersion: NotRequired[str]
    error: NotRequired[str]


class AppView(TypedDict):
    id: str
    name: str
    method: Literal["SERVE", "CONNECT"]
    functionCount: int
    createdAt: str
    appVersion: NotRequired[str]
    latestSync: LatestSync


class TriggerView(TypedDict):
    type: Literal["EVENT", "CRON"]
    value: str
    condition: NotRequired[str]


class Retries(TypedDict):
    isDefault: bool
    value: NotRequired[int]


class Configuration(TypedDict):
    retries: Retries


class FunctionView(TypedDict):
    """A function. startedBy: its triggers in words. options: each of the others in words."""

    app: AppRef
    id: str
    name: str
    slug: str
    triggers: list[TriggerView]
    configuration: Configuration
    startedBy: str
    options: list[str]


class Started(TypedDict):
    """A run that was started. status, output: when it was waited for."""

    runId: str
    status: NotRequired[RunStatus]
    output: NotRequired[Any]


class BulkRun(TypedDict):
    """A run with which it was done, or would be. newRunId: the run that does it again."""

    runId: str
    newRunId: NotRequired[str]


class BulkRefusal(TypedDict):
    runId: str
    code: str
    message: str


class BulkResult(TypedDict):
    """counts: how many were "done" and "refused". hasMore: more were meant than `limit`. dryRun: nothing was done."""

    counts: dict[str, int]
    runs: list[BulkRun]
    refused: list[BulkRefusal]
    hasMore: bool
    dryRun: bool


class ExportView(TypedDict):
    """document: what tests replay. redacted: how many values were taken out of it."""

    document: dict[str, Any]
    redacted: int


class SentEvent(TypedDict):
    eventId: str


class EventView(TypedDict):
    """An event. id: the engine's. senderId: the sender's own, if it gave one. ts: its time, in milliseconds."""

    id: str
    senderId: NotRequired[str]
    name: str
    data: dict[str, Any]
    user: NotRequired[Any]
    v: NotRequired[str]
    ts: int
    receivedAt: str


class EventTypeView(TypedDict):
    """An event that functions wait for, or that has come. functions: `<app>-<function>`, those that it starts.

    schema: JSON schema of its data. source: whether an app told it, or it was made from the latest events.
    example: data to send; of the latest event, unless an app told the schema.
    """

    name: str
    functions: list[str]
    source: Literal["app", "events", "none"]
    schema: NotRequired[dict[str, Any]]
    example: Any
    lastReceivedAt: NotRequired[str]


class LogView(TypedDict):
    """A line that an app has written. number: lines are counted. target: as in "module:app". runId: in which run."""

    number: int
    at: str
    target: str
    apps: list[str]
    stream: str
    runId: NotRequired[str]
    text: str


class Health(TypedDict):
    status: Literal["ok"]


class ErrorView(TypedDict):
    code: str
    message: str


class ChangeView(TypedDict):
    """What has changed. kind: of the thing that `id` is of, or "reset": read everything again.

    run: of a step. function: `<app>-<function>`. status: of a run or a step as elsewhere; of an app, "registered" or
    "removed".
    """

    kind: Literal["event", "run", "step", "app", "log", "call", "reset"]
    id: NotRequired[str]
    run: NotRequired[str]
    function: NotRequired[str]
    name: NotRequired[str]
    status: NotRequired[str]
    at: NotRequired[str]


class Errors(TypedDict):
    errors: list[ErrorView]
