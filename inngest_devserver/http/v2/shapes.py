"""What `/api/v2` answers: the types that the routes are checked against and that its OpenAPI description is made of."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

RunStatus = Literal["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]


class Metadata(TypedDict):
    fetchedAt: str


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
    eventIds: list[str]


class RunView(TypedDict):
    """A run. output: when asked for, once it has ended. rerunOf: the run that it does again.

    waitsFor: why it does not go on, when one run is asked for that has not ended.
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
    rerunOf: NotRequired[str]
    waitsFor: NotRequired[list[str]]


class SpanView(TypedDict):
    """One piece of work of a run. durationMs: a number in a text. output, input: when asked for.

    input: the events of a run, the arguments of a step. detail: how it waits, or why it is tried again, in words.
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
    input: NotRequired[Any]
    output: NotRequired[Any]
    metadata: NotRequired[list[dict[str, Any]]]
    children: NotRequired[list[SpanView]]


class TraceView(TypedDict):
    runId: str
    rootSpan: SpanView


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
    app: AppRef
    id: str
    name: str
    slug: str
    triggers: list[TriggerView]
    configuration: Configuration


class Started(TypedDict):
    """A run that was started. status, output: when it was waited for."""

    runId: str
    status: NotRequired[RunStatus]
    output: NotRequired[Any]


class SentEvent(TypedDict):
    eventId: str


class Health(TypedDict):
    status: Literal["ok"]


class ErrorView(TypedDict):
    code: str
    message: str


class Errors(TypedDict):
    errors: list[ErrorView]
