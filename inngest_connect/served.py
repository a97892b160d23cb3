"""What a worker serves: clients and their functions, what it tells a gateway of them, and the reply to one request.

Runs user code through the core's `App`, as an HTTP endpoint does. Knows no socket.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from inngest_core.client import Inngest
from inngest_core.config import Mode
from inngest_core.errors import ConfigError, SigningKeyMissingError
from inngest_core.function import Function
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.protocol.wire import REQUEST_VERSION, SDK, SDK_LANGUAGE, STEP_ID_OF_DISCOVERY, VERSION, Header, Query
from inngest_core.serving.app import App
from inngest_core.serving.arguments import check_client, describe
from inngest_core.serving.introspection import capabilities
from inngest_core.serving.registration import dump_functions
from inngest_core.web.headers import Headers
from inngest_core.web.messages import Request, Response

from .codec import derived
from .messages import (
    AppConfiguration,
    AuthData,
    ExecutorRequest,
    Reply,
    ReplyStatus,
    StartResponse,
    SystemAttributes,
    WorkerConnect,
)

URL = "wss://connect"
FRAMEWORK = "connect"
MAX_APPS = 100
MOST_BODY_BYTES = MAX_RESPONSE_BYTES - 64 * 1024
"""Of a reply: a gateway reads frames of MAX_RESPONSE_BYTES, and what is around the body needs a part of that."""
_REQUEST_VERSION = int(REQUEST_VERSION)
_NO_RETRY, _RETRY_AFTER = Header.NO_RETRY.value, Header.RETRY_AFTER.value

Apps = Sequence[tuple[Inngest, Sequence[Function[Any]]]]


_PAIRS = "[(client, [function, …])]"


class Served:
    """The apps of one worker."""

    def __init__(self, apps: Apps) -> None:
        """Raises ConfigError: there is none, too many, two share an id, or they belong to different engines."""
        pairs = _checked(apps)
        if not pairs:
            raise ConfigError(f"connect() got no app; give it {_PAIRS}")
        if len(pairs) > MAX_APPS:
            raise ConfigError(f"connect() got {len(pairs)} apps; one worker connects at most {MAX_APPS}")
        self._apps: dict[str, App] = {}
        for client, functions in pairs:
            if client.app_id in self._apps:
                raise ConfigError(f'two apps have the id "{client.app_id}"; give connect() one with all functions')
            self._apps[client.app_id] = App(client, functions, framework=FRAMEWORK)
        self.clients = [app.client for app in self._apps.values()]
        self.client = self.clients[0]
        _check_one_engine(self.clients)

    def check_keys(self) -> None:
        """Raise SigningKeyMissingError when the engine will not let this worker in."""
        config = self.client.config
        if config.mode is Mode.CLOUD and config.signing_keys is None:
            raise SigningKeyMissingError(
                "a worker in cloud mode needs a signing key: set INNGEST_SIGNING_KEY, or INNGEST_DEV=1 (or "
                "is_production=False) when it is to be used with a dev server"
            )

    def introduce(self, start: StartResponse, *, instance_id: str, max_worker_concurrency: int | None) -> WorkerConnect:
        """Return what the worker says of itself when it connects."""
        config = self.client.config
        return WorkerConnect(
            connection_id=start.connection_id,
            instance_id=instance_id,
            auth_data=AuthData(session_token=start.session_token, sync_token=start.sync_token),
            capabilities=json.dumps({"connect": "v1", **capabilities(config)}).encode(),
            apps=tuple(_configuration(app) for app in self._apps.values()),
            system_attributes=SystemAttributes(
                cpu_cores=os.cpu_count() or 0, mem_bytes=_memory(), os=platform.system().lower()
            ),
            environment=config.env,
            framework=FRAMEWORK,
            platform=config.platform,
            sdk_version=VERSION,
            sdk_language=SDK_LANGUAGE,
            max_worker_concurrency=max_worker_concurrency,
        )

    def is_sync(self, request: ExecutorRequest) -> bool:
        """Tell whether the requested function is a sync one, which runs in a thread."""
        app = self._apps.get(request.app_name)
        asked = request.function_slug
        handlers = [] if app is None else [one.handlers.get(asked) for one in app.functions]
        return any(handler is not None and not handler.is_async for handler in handlers)

    def leave_behind(self) -> bool:
        """Do not wait for threads of functions, now or at the end of the program; return whether any is at work."""
        return sum(client.resources.leave_behind() for client in self.clients) > 0

    async def answer(self, request: ExecutorRequest) -> Reply:
        """Run the function that is asked for on the running loop, and return the reply."""
        app = self._apps.get(request.app_name)
        if app is None:
            known = ", ".join(self._apps)
            return failed_reply(request, f'this worker has no app "{request.app_name}"; it serves: {known}')
        url = _url(request.function_slug, request.step_id or STEP_ID_OF_DISCOVERY)
        response = await app.answer_async(
            Request("POST", url, _Headers(request.user_trace_ctx), request.request_payload, request)
        )
        return _reply(request, response)


@functools.lru_cache(maxsize=1024)
def _url(function_slug: str, step_id: str) -> str:
    """Return the URL that asks for a step of a function."""
    return f"{URL}?{urllib.parse.urlencode({Query.FUNCTION_ID.value: function_slug, Query.STEP_ID.value: step_id})}"


def failed_reply(request: ExecutorRequest, message: str) -> Reply:
    """Return the reply that the request failed, for the reason that *message* gives; it may be tried again."""
    body = json.dumps({"code": "unknown", "name": "InngestError", "message": message, "stack": ""}).encode()
    return _addressed(request, ReplyStatus.ERROR, body)


def _reply(request: ExecutorRequest, response: Response) -> Reply:
    body = response.body
    if not isinstance(body, bytes):
        raise AssertionError("what comes over a connection is answered at once, and never streamed")
    if len(body) > MOST_BODY_BYTES:
        return failed_reply(
            request,
            f"the answer has {len(body)} bytes, and a gateway reads at most {MOST_BODY_BYTES}; "
            "return less, or keep large values elsewhere and return where they are",
        )
    headers = response.headers
    return _addressed(
        request,
        _STATUSES.get(response.status, ReplyStatus.ERROR),
        body,
        no_retry=headers.get(_NO_RETRY) == "true",
        retry_after=headers.get(_RETRY_AFTER),
    )


_STATUSES = {200: ReplyStatus.DONE, 206: ReplyStatus.NOT_COMPLETED}


def _addressed(
    request: ExecutorRequest,
    status: ReplyStatus,
    body: bytes,
    *,
    no_retry: bool = False,
    retry_after: str | None = None,
) -> Reply:
    return derived(
        Reply,
        request,
        status=status,
        body=body,
        no_retry=no_retry,
        retry_after=retry_after,
        sdk_version=SDK,
        request_version=_REQUEST_VERSION,
    )


class _Headers(Headers[bytes]):
    """The headers that the same request would have over HTTP: those that say which trace it belongs to.

    They are read when somebody asks for one, as few calls do.
    """

    __slots__ = ()

    def read(self, given: bytes) -> dict[str, str]:
        try:
            trace: object = json.loads(given or b"{}")
        except ValueError:
            return {}
        if not isinstance(trace, dict):
            return {}
        fields = cast("Mapping[str, object]", trace)
        return {name.lower(): value for name, value in fields.items() if isinstance(value, str)}


def _configuration(app: App) -> AppConfiguration:
    functions = dump_functions(app.functions, URL)
    for function in functions:
        steps = cast("dict[str, dict[str, dict[str, object]]]", function["steps"])
        for step in steps.values():
            step["runtime"]["type"] = "ws"
    return AppConfiguration(
        app_name=app.client.app_id, app_version=app.client.app_version, functions=json.dumps(functions).encode()
    )


def _checked(apps: object) -> Apps:
    """Return the apps that `connect` was given; raises ConfigError: they are no pairs of a client and functions."""
    given_as = describe(apps)
    if isinstance(apps, str | bytes | Mapping) or not isinstance(apps, Iterable):
        raise ConfigError(f"apps is {given_as}; give a list of pairs: {_PAIRS}")
    pairs = list(cast("Iterable[object]", apps))
    for number, given in enumerate(pairs):
        pair = cast("Sequence[object]", given)
        if not isinstance(given, tuple | list) or len(pair) != 2:
            raise ConfigError(f"apps[{number}] is {describe(pair)}; give a list of pairs: {_PAIRS}")
        check_client(pair[0])
    return cast("Apps", pairs)


def _check_one_engine(clients: Sequence[Inngest]) -> None:
    """A connection has one key, one environment and one engine, whatever the number of apps."""
    first = clients[0].config
    for client in clients[1:]:
        config = client.config
        for what in ("mode", "api_origin", "env", "signing_keys"):
            if getattr(config, what) != getattr(first, what):
                raise ConfigError(
                    f'the apps "{clients[0].app_id}" and "{client.app_id}" differ in {what.replace("_", " ")}; '
                    "start a worker for each engine and environment"
                )


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on this system
        return 0
