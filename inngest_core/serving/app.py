"""One served endpoint: dispatch, verification, signing, and every error as a coded JSON answer.

`handle` is the whole contract and raises nothing of ours; it is the only place that turns our errors into answers.
Knows no framework. Sources: protocol §2 to §6.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import logging
import math
from collections.abc import Generator, Sequence
from typing import Any

from inngest_core.client import Inngest
from inngest_core.config import Mode
from inngest_core.engine_api import sdk_headers
from inngest_core.error_text import LONGEST_MESSAGE, cut, name_of
from inngest_core.errors import (
    CONTROL,
    BodyTooLargeError,
    HeaderMissingError,
    InngestError,
    MethodNotAllowedError,
    SignatureError,
    SigningKeyMissingError,
)
from inngest_core.execution.failure import exc_info
from inngest_core.function import Function, index_functions
from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from inngest_core.protocol.signing import SigningKey, sign, verify
from inngest_core.protocol.wire import Header, Query, dump_json
from inngest_core.runtime.drivers import run_async, run_sync
from inngest_core.runtime.effects import Call, Flow, Now
from inngest_core.web.messages import Request, Response, query_of

from .answer import Answer
from .call import handle_call
from .introspection import ServeOptions, authentication, introspect
from .registration import register

DEFAULT_SERVE_PATH = "/api/inngest"

LONG_SECONDS = 0.25
"""After so long it is asked whether the client still waits for its answer."""

_GIVEN_UP = (
    "a %s was given up before it was answered: the server ends, or cancelled it, maybe because the client went "
    "away; the engine will ask again"
)
_LOST = "the answer to a %s is lost: the client went away before it came; the engine will ask again"

_collected: contextvars.ContextVar[list[App] | None] = contextvars.ContextVar("inngest_collected", default=None)


@contextlib.contextmanager
def collect_apps() -> Generator[list[App]]:
    """Collect the apps that are made inside the block: how a host learns where a user's module serves."""
    apps: list[App] = []
    before = _collected.set(apps)
    try:
        yield apps
    finally:
        _collected.reset(before)


class App:
    """An endpoint that answers an engine for some functions of a client."""

    def __init__(
        self,
        client: Inngest,
        functions: Sequence[Function[Any]],
        *,
        framework: str,
        serve_path: str | None = None,
        serve_origin: str | None = None,
        public_path: str | None = None,
        body_cap: int = MAX_REQUEST_BYTES,
    ) -> None:
        """Check what is to be served; nothing is contacted.

        client: the one that the functions were defined with.
        functions: what `create_function` returned.
        framework: the name that engines show, such as "flask".
        serve_path: where an adapter adds the endpoint; "/api/inngest" by default.
        serve_origin: scheme and host under which the engine reaches this app, instead of those of its request.
        public_path: path under which the engine reaches this endpoint, instead of that of its request.
        body_cap: bytes; a larger body is answered with 413. 16 MiB by default.
        Raises FunctionConfigError: two functions share an id, or a sync function has async middleware.
        """
        self.client = client
        self.functions = tuple(functions)
        self.framework = framework
        explicit_path = None if serve_path is None else check_path(serve_path)
        self.serve_path = explicit_path or DEFAULT_SERVE_PATH
        self.options = ServeOptions(serve_path=explicit_path, serve_origin=serve_origin, public_path=public_path)
        self.body_cap = body_cap
        self._index = index_functions(self.functions, client.middleware)
        self._headers = {Header.CONTENT_TYPE.value: "application/json", **sdk_headers(client.config, framework)}
        self._signing_key_missing = client.config.mode is Mode.CLOUD and client.config.signing_keys is None
        if self._signing_key_missing:
            client.logger.error("%s", _NO_SIGNING_KEY)
        collected = _collected.get()
        if collected is not None:
            collected.append(self)

    def handle_sync(self, request: Request) -> Response:
        """Answer *request* in this thread."""
        return run_sync(self.handle(request), self.client.resources)

    async def handle_async(self, request: Request) -> Response:
        """Answer *request* on the running loop, without blocking it."""
        return await run_async(self.handle(request), self.client.resources)

    def handle(self, request: Request) -> Flow[Response]:
        """Answer *request*; every error becomes a coded JSON answer."""
        key: SigningKey | None = None
        started = math.inf
        try:
            started = yield Now()
            key, failure = self._authenticate(request, started)
            answer = yield from self._answer(request, key, failure)
        except InngestError as error:
            answer = _answer_error(error)
        except CONTROL:
            self.client.logger.warning(_GIVEN_UP, request.method)
            raise
        except BaseException as error:
            logging.getLogger("inngest").error("an error of the SDK itself", exc_info=exc_info(error))
            answer = _answer_error(InngestError(f"an error of the SDK itself: {name_of(error)}"))
        yield from self._warn_if_lost(request, started)
        return (yield from self._respond(answer, key))

    def _authenticate(self, request: Request, now: float) -> tuple[SigningKey | None, SignatureError | None]:
        """Return the key that signed the request, or why it is not known. Nothing is parsed before this."""
        if self._signing_key_missing:
            raise SigningKeyMissingError(_NO_SIGNING_KEY)
        if len(request.body) > self.body_cap:
            raise BodyTooLargeError(f"the body is larger than {self.body_cap} bytes")
        keys = self.client.config.signing_keys
        if keys is None:
            return None, None
        try:
            return verify(request.body, request.headers.get(Header.SIGNATURE), keys, now=now), None
        except SignatureError as error:
            return None, error

    def _answer(self, request: Request, key: SigningKey | None, failure: SignatureError | None) -> Flow[Answer]:
        match request.method:
            case "GET":
                return introspect(self, request, authentication(key, failure))
            case "PUT":
                return (yield from register(self, request, key, failure))
            case "POST":
                self._require_signature(failure)
                if _is_trust_probe(request.url):
                    return Answer(200, None)
                return (yield from handle_call(request, self.client, self._index))
            case _:
                raise MethodNotAllowedError(f"{request.method} is not answered here; expected GET, PUT or POST")

    def _require_signature(self, failure: SignatureError | None) -> None:
        if failure is None:
            return
        if self.client.config.mode is Mode.DEV and isinstance(failure, HeaderMissingError):
            return
        raise failure

    def _warn_if_lost(self, request: Request, started: float) -> Flow[None]:
        if request.has_gone is None:
            return
        now: float = yield Now()
        if now - started > LONG_SECONDS and (yield Call(request.has_gone)):
            self.client.logger.warning(_LOST, request.method)

    def _respond(self, answer: Answer, key: SigningKey | None) -> Flow[Response]:
        body = answer.body if isinstance(answer.body, bytes) else dump_json(answer.body)
        headers = {**self._headers, **answer.headers}
        if key is not None:
            now: float = yield Now()
            headers[Header.SIGNATURE.value] = sign(body, key, now=now)
        return Response(answer.status, headers, body)


_NO_SIGNING_KEY = (
    "this app is in cloud mode, but has no signing key: set INNGEST_SIGNING_KEY, "
    "or INNGEST_DEV=1 (or is_production=False) when it is to be used with a dev server"
)


@functools.lru_cache(maxsize=1024)
def _is_trust_probe(url: str) -> bool:
    return f"{Query.PROBE.value}=trust" in query_of(url).split("&")


def check_path(path: str) -> str:
    """Return *path* with a leading slash and without a trailing one."""
    return "/" + path.strip("/")


def _answer_error(error: InngestError) -> Answer:
    body = {"code": error.code, "message": cut(error.message, LONGEST_MESSAGE), "name": type(error).__name__}
    headers = {} if error.retriable else {Header.NO_RETRY.value: "true"}
    return Answer(error.status, body, headers)
