"""Every route of the engine's HTTP API, and who answers it. Holds no handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from inngest_core.web.asgi import Receive, Scope, Send
from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.page.rendering import refuse as refuse_page
from inngest_devserver.page.routes import paths as pages

from .access import Access, Need
from .answers import APIError, Call, refuse_unknown
from .app_routes import AppRoutes
from .backup import BackupDownload
from .cancellation_routes import CancellationRoutes
from .checkpoint_routes import CheckpointRoutes
from .connect_routes import ConnectRoutes, ConnectSocket
from .event_routes import EventRoutes
from .graphql import GraphQLRoutes
from .metadata_routes import MetadataRoutes
from .realtime_routes import RealtimeRoutes
from .run_routes import RunRoutes
from .subscriptions import Subscriptions
from .v2.bulk_actions import BulkActions
from .v2.changes import ChangeRoutes
from .v2.event_views import EventViews
from .v2.routes import V2Routes, refuse
from .v2.run_actions import RunActions

Handler = Callable[[Call], Response | Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route.

    methods: a handler for each. need: what is asked for of whoever calls it.
    refuse: how an error looks there.
    """

    path: str
    methods: Mapping[str, Handler]
    need: Need = Need.MANAGE
    refuse: Callable[[APIError], Response] = APIError.response


@dataclass(frozen=True, slots=True)
class Stream:
    """A route whose answer lasts.

    handler: an ASGI application, which may raise APIError before it has answered. need: what is asked for of whoever
    calls it; by default nothing, as it asks for a token of its own. refuse: how an error looks there.
    """

    path: str
    handler: Callable[[Scope, Receive, Send], Awaitable[None]]
    is_websocket: bool = False
    need: Need = Need.NOTHING
    refuse: Callable[[APIError], Response] = APIError.response


def nothing_here(error: APIError, headers: Mapping[str, str]) -> Response:
    """Return how it looks that nothing is at an address: a page for a browser, where somebody has mistyped it."""
    return refuse_page(error) if "text/html" in headers.get("accept", "") else error.response()


def endpoints(engine: Engine, access: Access | None = None) -> list[Endpoint]:
    """Return every route of the API. access: who may call it."""
    access = access or Access(keys=engine.signing_keys)
    cancellations = CancellationRoutes(engine)
    apps, events, runs = AppRoutes(engine, access), EventRoutes(engine), RunRoutes(engine)
    checkpoints, realtime, connect = CheckpointRoutes(engine), RealtimeRoutes(engine), ConnectRoutes(engine)
    return [
        Endpoint("/e/{key}", {"POST": events.send, "OPTIONS": events.may_send}, Need.NOTHING),
        Endpoint("/invoke/{function}", {"POST": events.invoke}),
        Endpoint("/fn/register", {"POST": apps.register, "PUT": apps.register}, Need.APP),
        Endpoint("/fn/remove", {"DELETE": apps.remove}),
        Endpoint("/dev", {"GET": apps.info}, Need.NOTHING),
        Endpoint("/health", {"GET": apps.health}, Need.NOTHING),
        Endpoint("/v0/runs/{run}/actions", {"GET": runs.actions}, Need.APP),
        Endpoint("/v0/runs/{run}/batch", {"GET": runs.batch}, Need.APP),
        Endpoint("/v0/runs/{run}", {"DELETE": runs.cancel}),
        Endpoint("/v1/checkpoint/{run}/async", {"POST": checkpoints.save}, Need.APP),
        Endpoint("/v1/http/runs/{run}/async", {"POST": checkpoints.save}, Need.APP),
        Endpoint("/v1/events", {"GET": events.list}),
        Endpoint("/v1/events/{event}", {"GET": events.one}),
        Endpoint("/v1/events/{event}/runs", {"GET": runs.of_event}),
        Endpoint("/v1/runs", {"GET": runs.list}),
        Endpoint("/v1/runs/{run}", {"GET": runs.one, "DELETE": runs.cancel}),
        Endpoint("/v1/runs/{run}/metadata", {"POST": MetadataRoutes(engine).add}, Need.APP),
        Endpoint("/v1/runs/{run}/jobs", {"GET": runs.jobs}),
        Endpoint("/v1/runs/{run}/history", {"GET": runs.history}),
        Endpoint("/v1/signals", {"POST": events.signal}, Need.APP),
        Endpoint("/v1/cancellations", {"POST": cancellations.create, "GET": cancellations.list}),
        Endpoint("/v1/cancellations/{cancellation}", {"GET": cancellations.one, "DELETE": cancellations.delete}),
        Endpoint("/v1/apps/{app}/functions", {"GET": apps.functions}),
        Endpoint("/v1/realtime/publish", {"POST": realtime.publish}, Need.APP),
        Endpoint("/v1/realtime/publish/tee", {"POST": realtime.tee}, Need.APP),
        Endpoint("/v1/realtime/token", {"POST": realtime.token}, Need.APP),
        Endpoint("/v0/connect/start", {"POST": connect.start}, Need.APP),
        Endpoint("/v0/connect/flush", {"POST": connect.flush}, Need.APP),
        Endpoint("/v0/gql", {"POST": GraphQLRoutes(engine).query}),
        *_second_version(engine),
        *(Endpoint(path, methods, need, refuse_page) for path, methods, need in pages(engine, access)),
    ]


def _second_version(engine: Engine) -> list[Endpoint]:
    """Return the routes of `/api/v2`; `v2/openapi.py` describes each."""
    v2, actions, bulk, events = V2Routes(engine), RunActions(engine), BulkActions(engine), EventViews(engine)
    run, page, output = ("status", "from", "until", "timeField", "order", "text"), ("limit", "cursor"), "includeOutput"
    # Apps, and functions of one, are few: all of them are one page, whatever its limit.
    routes: list[tuple[str, str, Handler, tuple[str, ...]]] = [
        ("GET", "/api/v2/runs", v2.runs, ("appId", "functionId", *run, *page, output)),
        ("GET", "/api/v2/runs/{run}", v2.run, (output,)),
        ("GET", "/api/v2/runs/{run}/trace", v2.trace, (output,)),
        ("GET", "/api/v2/runs/{run}/calls", v2.calls, ()),
        ("POST", "/api/v2/runs/{run}/cancel", actions.cancel, ()),
        ("POST", "/api/v2/runs/{run}/rerun", actions.rerun, ()),
        ("POST", "/api/v2/runs/{run}/steps/{step}/skip", actions.skip, ()),
        ("GET", "/api/v2/runs/{run}/export", actions.export, ("redact", "payloads")),
        ("POST", "/api/v2/bulk/cancel", bulk.cancel, ()),
        ("POST", "/api/v2/bulk/rerun", bulk.rerun, ()),
        ("GET", "/api/v2/events", events.events, ("name", "text", "from", "until", "includeInternal", *page)),
        ("POST", "/api/v2/events", v2.send, ()),
        ("GET", "/api/v2/events/{event}", events.event, ()),
        ("GET", "/api/v2/events/{event}/runs", v2.runs_of_event, (output,)),
        ("GET", "/api/v2/event-types", events.types, ()),
        ("GET", "/api/v2/logs", events.logs, ("appId", "runId", "after", "limit")),
        ("GET", "/api/v2/apps", v2.apps, page),
        ("GET", "/api/v2/apps/{app}/functions", v2.functions, page),
        ("GET", "/api/v2/apps/{app}/functions/{function}", v2.function, ()),
        ("GET", "/api/v2/apps/{app}/functions/{function}/runs", v2.runs_of_function, (*run, *page, output)),
        ("POST", "/api/v2/apps/{app}/functions/{function}/invoke", v2.invoke, ()),
    ]
    methods: dict[str, dict[str, Handler]] = {}
    for method, path, handler, known in routes:
        methods.setdefault(path, {})[method] = _knowing(handler, known)
    open_routes: dict[str, Mapping[str, Handler]] = {
        "/api/v2/health": {"GET": v2.health},
        "/api/v2/openapi.json": {"GET": v2.describe},
    }
    return [
        *(Endpoint(path, of_path, refuse=refuse) for path, of_path in methods.items()),
        *(Endpoint(path, of_path, Need.NOTHING, refuse=refuse) for path, of_path in open_routes.items()),
    ]


def _knowing(handler: Handler, known: tuple[str, ...]) -> Handler:
    """Return a handler that refuses other parameters in the query than these."""

    def handle(call: Call) -> Response | Awaitable[Response]:
        refuse_unknown(call, known)
        return handler(call)

    return handle


def streams(engine: Engine) -> list[Stream]:
    """Return every route that stays open."""
    subscriptions = Subscriptions(engine)
    return [
        Stream("/v0/connect", ConnectSocket(engine).serve, is_websocket=True),
        Stream("/v1/realtime/sse", subscriptions.sse),
        Stream("/v1/realtime/connect", subscriptions.websocket, is_websocket=True),
        Stream("/api/v2/changes", ChangeRoutes(engine).stream, need=Need.MANAGE, refuse=refuse),
        Stream("/v1/backup", BackupDownload(engine).serve, need=Need.MANAGE),
    ]
