"""One served endpoint: dispatch, authentication, signing, and every error as a coded JSON answer.

`App` is the only place that turns errors of ours into answers; `handle` raises none of them. Knows no framework.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol, Unpack

from inngest_core.client import Inngest
from inngest_core.config import Mode
from inngest_core.engine_api import sdk_headers
from inngest_core.error_text import LONGEST_MESSAGE, cut, name_of
from inngest_core.errors import (
    CONTROL,
    BodyTooLargeError,
    InngestError,
    MethodNotAllowedError,
    SignatureError,
    SigningKeyMissingError,
    URLTooLongError,
)
from inngest_core.execution.answer import Answer
from inngest_core.execution.failure import exc_info
from inngest_core.function import Function, index_functions
from inngest_core.protocol.limits import MAX_REQUEST_BYTES, MAX_URL
from inngest_core.protocol.signing import sign
from inngest_core.protocol.wire import Header, Query, dump_json
from inngest_core.runtime.drivers import run_async, run_sync
from inngest_core.runtime.effects import Call, Flow, Now
from inngest_core.web.messages import Request, Response, content_length, query_of

from .arguments import check_client, check_functions, check_options
from .authentication import UNSIGNED, Guard, Signer
from .call import handle_call
from .introspection import introspect
from .options import ServeOptions
from .registration import register

DEFAULT_SERVE_PATH = "/api/inngest"

LONG_SECONDS = 0.25
"""After this time, the server is asked whether the client is still there before the answer is handed out."""

_GIVEN_UP = (
    "a %s was given up before it was answered: the server is shutting down, or cancelled the request, maybe because "
    "the client has disconnected; the engine will call again"
)
_LOST = "the answer to a %s is lost: the client disconnected before it was ready; the engine will call again"



class Authenticate(Protocol):
    """Tells who signed a request, and refuses what it must be signed for."""

    def __call__(self, request: Request, *, now: float) -> Signer: ...


def _authenticated_by_connection(request: Request, *, now: float) -> Signer:
    return UNSIGNED


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
        body_cap: int = MAX_REQUEST_BYTES,
        **options: Unpack[ServeOptions],
    ) -> None:
        """Check what is to be served; nothing is contacted.

        client: the one that the functions were defined with.
        functions: what `create_function` returned.
        framework: the name that engines show, such as "flask".
        body_cap: bytes; a larger body is answered with 413. 16 MiB by default.
        serve_path: where an adapter adds the endpoint; "/api/inngest" by default.
        serve_origin: scheme and host under which the engine reaches this app, instead of those of its request.
        public_path: path under which the engine reaches this endpoint, instead of that of its request.
        enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode.
        Raises ConfigError: an argument is of the wrong kind. FunctionConfigError: two functions share an id, or a sync
        function has async middleware.
        """
        check_client(client)
        check_options(options)
        self.client = client
        self.functions = check_functions(functions, client)
        self.framework = framework
        explicit_path = options.get("serve_path")
        if explicit_path is not None:
            explicit_path = options["serve_path"] = check_path(explicit_path)
        self.serve_path = explicit_path or DEFAULT_SERVE_PATH
        self.options = options
        self.body_cap = body_cap
        self._index = index_functions(self.functions, client.middleware)
        self._headers = {**_EVERY_ANSWER, **sdk_headers(client.config, framework)}
        takes_unsigned = options.get("enable_unauthed_sync")
        if takes_unsigned is None:
            takes_unsigned = client.config.allow_unauthed_registration
        self._guard = Guard(client.config, takes_unsigned)
        self._signing_key_missing = client.config.mode is Mode.CLOUD and client.config.signing_keys is None
        if self._signing_key_missing:
            client.logger.error("%s", _NO_SIGNING_KEY)
        collected = _collected.get()
        if collected is not None:
            collected.append(self)

    def admit(self, method: str, url: str, headers: Mapping[str, str]) -> Response | None:
        """Look at a request before its body is read; return an answer if it is refused, else None.

        Refused are requests that need a signature and have no well-formed recent one, and those that announce a body
        over the cap. `handle` would refuse them too, but only when their bodies have been read and held.
        method: the HTTP method, in upper case.
        url: the absolute URL.
        headers: the headers, with lower-case names.
        """
        return run_sync(self._admit(method, url, headers), self.client.resources)

    def refuse(self, error: InngestError) -> Response:
        """Return the coded answer to a request that could not be read for the reason that *error* gives."""
        if isinstance(error, SignatureError):  # a stranger is not told which SDK and which version answers
            return Response(error.status, _EVERY_ANSWER, dump_json(_describe(error)))
        return self._respond(_answer_error(error), UNSIGNED, now=0.0)

    def handle_sync(self, request: Request) -> Response:
        """Answer *request* in this thread."""
        return run_sync(self.handle(request), self.client.resources)

    async def handle_async(self, request: Request) -> Response:
        """Answer *request* on the running loop, without blocking it."""
        return await run_async(self.handle(request), self.client.resources)

    def handle(self, request: Request) -> Flow[Response]:
        """Answer *request*; every error becomes a coded JSON answer."""
        return self._handle(request, self._guard.authenticate)

    async def answer_async(self, request: Request) -> Response:
        """Answer a call request that carries no signature, as it came over a connection that is authenticated itself.

        Never pass a request here that somebody could have sent over HTTP.
        """
        return await run_async(self._handle(request, _authenticated_by_connection), self.client.resources)

    def _handle(self, request: Request, authenticate: Authenticate) -> Flow[Response]:
        signer = UNSIGNED
        started = math.inf
        try:
            started = yield Now()
            self._require_key()
            self._check_size(len(request.url), len(request.body))
            signer = authenticate(request, now=started)
            answer = yield from self._answer(request, signer)
        except SignatureError as error:
            return self.refuse(error)
        except InngestError as error:
            answer = _answer_error(error)
        except CONTROL:
            self.client.logger.warning(_GIVEN_UP, request.method)
            raise
        except BaseException as error:
            logging.getLogger("inngest").error("an error of the SDK itself", exc_info=exc_info(error))
            answer = _answer_error(InngestError(f"an error of the SDK itself: {name_of(error)}"))
        ended: float = yield Now()
        if ended - started > LONG_SECONDS:
            yield from self._warn_if_lost(request)
        return self._respond(answer, signer, now=ended)

    def _admit(self, method: str, url: str, headers: Mapping[str, str]) -> Flow[Response | None]:
        now: float = yield Now()
        try:
            self._require_key()
            self._check_size(len(url), content_length(headers.get(Header.CONTENT_LENGTH)) or 0)
            self._guard.check_head(method, headers, now=now)
        except InngestError as error:
            return self.refuse(error)
        return None

    def _require_key(self) -> None:
        if self._signing_key_missing:
            raise SigningKeyMissingError(_NO_SIGNING_KEY)

    def _check_size(self, url: int, body: int) -> None:
        if url > MAX_URL:
            raise URLTooLongError(f"the URL is longer than {MAX_URL} characters")
        if body > self.body_cap:
            raise BodyTooLargeError(f"the body is larger than {self.body_cap} bytes")

    def _answer(self, request: Request, signer: Signer) -> Flow[Answer]:
        match request.method:
            case "GET":
                return introspect(self, request, signer)
            case "PUT":
                return (yield from register(self, request, signer))
            case "POST":
                if _is_trust_probe(request.url):
                    return Answer(200, None)
                return (yield from handle_call(request, self.client, self._index))
            case _:
                raise MethodNotAllowedError(f"{request.method} is not answered here; expected GET, PUT or POST")

    def _warn_if_lost(self, request: Request) -> Flow[None]:
        if request.has_gone is not None and (yield Call(request.has_gone)):
            self.client.logger.warning(_LOST, request.method)

    def _respond(self, answer: Answer, signer: Signer, *, now: float) -> Response:
        body = answer.body if isinstance(answer.body, bytes) else dump_json(answer.body)
        headers = {**self._headers, **answer.headers}
        if signer.key is not None:
            headers[Header.SIGNATURE.value] = sign(body, signer.key, now=now)
        return Response(answer.status, headers, body)


_EVERY_ANSWER = {Header.CONTENT_TYPE.value: "application/json", Header.SDK_HANDLED.value: "true"}

_NO_SIGNING_KEY = (
    "this app is in cloud mode, but has no signing key: set INNGEST_SIGNING_KEY, "
    "or INNGEST_DEV=1 (or is_production=False) when it is to be used with a dev server"
)


def _is_trust_probe(url: str) -> bool:
    return _TRUST in url and _TRUST in query_of(url).split("&")


_TRUST = f"{Query.PROBE.value}=trust"


def check_path(path: str) -> str:
    """Return *path* with a leading slash and without a trailing one."""
    return "/" + path.strip("/")


def _answer_error(error: InngestError) -> Answer:
    headers = {} if error.retriable else {Header.NO_RETRY.value: "true"}
    return Answer(error.status, _describe(error), headers)


def _describe(error: InngestError) -> dict[str, str]:
    return {"code": error.code, "message": cut(error.message, LONGEST_MESSAGE), "name": type(error).__name__}
