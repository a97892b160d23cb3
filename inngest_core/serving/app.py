"""One served endpoint: dispatch, authentication, signing, and every error as a coded JSON answer.

`App` is the only place that turns errors of ours into answers; `handle` raises none of them. Knows no framework.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from inngest_core.client import Inngest
from inngest_core.config import Streaming
from inngest_core.engine_api import sdk_headers
from inngest_core.error_text import LONGEST_MESSAGE, cut, name_of
from inngest_core.errors import (
    CONTROL,
    BodyInvalidError,
    BodyTooLargeError,
    ConfigError,
    InngestError,
    MethodNotAllowedError,
    SignatureError,
    SigningKeyMissingError,
    URLTooLongError,
)
from inngest_core.execution.answer import Answer
from inngest_core.execution.failure import exc_info
from inngest_core.function import Function, index_functions
from inngest_core.protocol.envelope import STATUS as ENVELOPE_STATUS
from inngest_core.protocol.envelope import dump_envelope
from inngest_core.protocol.limits import KEEP_ALIVE_SECONDS, MAX_REQUEST_BYTES, MAX_URL
from inngest_core.protocol.signing import sign
from inngest_core.protocol.wire import Header, Query, dump_json
from inngest_core.runtime.drivers import run_async, run_sync
from inngest_core.runtime.effects import NOW, Call, Flow, Invoke, KeepAlive
from inngest_core.runtime.stopwatch import unix_seconds
from inngest_core.web.messages import Request, Response, Stream, content_length, query_of

from .arguments import check_client, check_functions, check_options
from .authentication import NO_SIGNING_KEY, UNSIGNED, Guard, Signer, misses_key
from .call import find_call
from .introspection import introspect
from .options import ServeOptions
from .registration import register, register_out_of_band

DEFAULT_SERVE_PATH = "/api/inngest"

LONG_SECONDS = 0.25
"""After this time, the server is asked whether the client is still there before the answer is handed out."""

_GIVEN_UP = (
    "a %s was given up before it was answered: the server is shutting down, or cancelled the request, maybe because "
    "the client has disconnected; the engine will call again"
)
_LOST = "the answer to a %s is lost: the client disconnected before it was ready; the engine will call again"


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


@dataclass(slots=True)
class _Exchange:
    """A request on its way to its answer. started: Unix seconds. signer: who signed it, once that is known."""

    request: Request
    started: float
    signer: Signer = UNSIGNED


class App:
    """An endpoint that answers an engine for some functions of a client."""

    keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    """Between two pieces of white space in a stream."""
    framework_app: object = None
    """The application of the web framework that has the endpoint, where the adapter knows it."""

    def __init__(
        self,
        client: Inngest,
        functions: Sequence[Function[Any]],
        *,
        framework: str,
        body_cap: int = MAX_REQUEST_BYTES,
        can_stream: bool = False,
        needs_key: bool = True,
        is_serving: bool = True,
        **options: Unpack[ServeOptions],
    ) -> None:
        """Check what is to be served; nothing is contacted.

        client: the one that the functions were defined with.
        functions: what `create_function` returned.
        framework: the name that engines show, such as "flask".
        body_cap: bytes; a larger body is answered with 413. 16 MiB by default.
        can_stream: whether whoever asks can send a body that is a stream; if not, there are none.
        needs_key: whether cloud mode needs a signing key; not where `answer_async` and `answer_sync` alone are used.
        is_serving: whether this process may get requests; if not, as in a command of the framework that creates tables,
            what is missing for them is not logged.
        serve_path: where an adapter adds the endpoint; "/api/inngest" by default.
        serve_origin: scheme and host under which the engine reaches this app, instead of those of its request.
        public_path: path under which the engine reaches this endpoint, instead of that of its request.
        enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode.
        streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client
            by default, else INNGEST_STREAMING, else they are not.
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
        self.streams = can_stream and _wants_streams(client, options)
        if options.get("streaming") is Streaming.FORCE and not can_stream:
            raise ConfigError(f"streaming is {Streaming.FORCE!r}, but {framework} cannot send streams; leave it out")
        self._index = index_functions(self.functions, client.middleware)
        self._headers = {**_EVERY_ANSWER, **sdk_headers(client.config, framework)}
        takes_unsigned = options.get("enable_unauthed_sync")
        if takes_unsigned is None:
            takes_unsigned = client.config.allow_unauthed_registration
        self._guard = Guard(client.config, takes_unsigned)
        self._signing_key_missing = needs_key and misses_key(client.config)
        if self._signing_key_missing and is_serving:
            client.logger.error("%s", NO_SIGNING_KEY)
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
        try:
            self._check_sizes(len(url), content_length(headers.get(_CONTENT_LENGTH)) or 0)
            self._guard.check_head(method, headers, now=unix_seconds())
        except InngestError as error:
            return self.refuse(error)
        return None

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
        started: float = yield NOW
        exchange = _Exchange(request, started)
        try:
            self._check_sizes(len(request.url), len(request.body))
            exchange.signer = self._guard.authenticate(request, now=started)
            if not request.body and request.method == "POST" and _announces_a_body(request):
                raise BodyInvalidError(_CONSUMED)
            found = yield from self._answer(exchange)
        except SignatureError as error:
            return self.refuse(error if request.body or not _announces_a_body(request) else SignatureError(_CONSUMED))
        except BaseException as error:
            found = self._answer_failure(error, request)
        if not self.streams or isinstance(found, Answer):
            return (yield from self._conclude(exchange, found))
        stream: Stream = yield KeepAlive(_in_an_envelope(self._conclude(exchange, found)), self.keep_alive_seconds)
        return Response(ENVELOPE_STATUS, {**self._headers, **_STREAM}, stream)

    def register_sync(self, url: str) -> Response:
        """Tell the engine about the functions, as a PUT request to *url* would; for commands after a deployment.

        url: where the engine reaches this endpoint, unless the options or the environment say otherwise.
        Returns what such a request is answered: 200 when the engine knows the functions now, else a coded error.
        """
        return run_sync(self._register(Request("PUT", url, {}, b"")), self.client.resources)

    def _register(self, request: Request) -> Flow[Response]:
        try:
            answer = yield from register_out_of_band(self, request)
        except BaseException as error:
            answer = self._answer_failure(error, request)
        return self._respond(answer, UNSIGNED, now=0.0)

    async def answer_async(self, request: Request) -> Response:
        """Answer *request*, an unsigned call that came over a connection which is authenticated itself.

        Never pass a request here that somebody could have sent over HTTP.
        """
        return await run_async(self._answer_connected(request), self.client.resources)

    def answer_sync(self, request: Request) -> Response:
        """Answer *request* as `answer_async` does, in this thread: for a caller in the same process."""
        return run_sync(self._answer_connected(request), self.client.resources)

    def _answer_connected(self, request: Request) -> Flow[Response]:
        exchange = _Exchange(request, (yield NOW))
        try:
            found = yield from self._answer(exchange)
        except BaseException as error:
            found = self._answer_failure(error, request)
        return (yield from self._conclude(exchange, found))

    def _answer_failure(self, error: BaseException, request: Request) -> Answer:
        """Return the answer to a request that *error* ended; raises it where it ends more than that."""
        if isinstance(error, InngestError):
            return _answer_error(error)
        if isinstance(error, CONTROL):
            self.client.logger.warning(_GIVEN_UP, request.method)
            raise error
        logging.getLogger("inngest").error("an error of the SDK itself", exc_info=exc_info(error))
        return _answer_error(InngestError(f"an error of the SDK itself: {name_of(error)}"))

    def _conclude(self, exchange: _Exchange, found: Answer | Invoke) -> Flow[Response]:
        """Run the call that was found, if it was one, and respond."""
        answer: Answer
        try:
            answer = found if isinstance(found, Answer) else (yield found)
        except BaseException as error:
            answer = self._answer_failure(error, exchange.request)
        ended: float = yield NOW
        if ended - exchange.started > LONG_SECONDS:
            yield from self._warn_if_lost(exchange.request)
        return self._respond(answer, exchange.signer, now=ended)

    def _check_sizes(self, url_length: int, body_length: int) -> None:
        """Raise RequestError when requests of that size are not answered, or none are."""
        if self._signing_key_missing:
            raise SigningKeyMissingError(NO_SIGNING_KEY)
        if url_length > MAX_URL:
            raise URLTooLongError(f"the URL is longer than {MAX_URL} characters")
        if body_length > self.body_cap:
            raise BodyTooLargeError(f"the body is larger than {self.body_cap} bytes")

    def _answer(self, exchange: _Exchange) -> Flow[Answer | Invoke]:
        """Answer a request; a call is only found, for whoever asks runs it."""
        request = exchange.request
        if request.method == "POST" and not _is_trust_probe(request.url):  # no flow around the most usual one
            return find_call(request, self.client, self._index, exchange.started)
        return self._answer_others(request, exchange.signer)

    def _answer_others(self, request: Request, signer: Signer) -> Flow[Answer | Invoke]:
        match request.method:
            case "GET":
                return introspect(self, request, signer)
            case "PUT":
                return (yield from register(self, request, signer))
            case "POST":
                return Answer(200, None)
            case _:
                raise MethodNotAllowedError(f"{request.method} is not answered here; expected GET, PUT or POST")

    def _warn_if_lost(self, request: Request) -> Flow[None]:
        if request.has_gone is not None and (yield Call(request.has_gone)):
            self.client.logger.warning(_LOST, request.method)

    def _respond(self, answer: Answer, signer: Signer, *, now: float) -> Response:
        body = answer.body if isinstance(answer.body, bytes) else dump_json(answer.body)
        headers = {**self._headers, **answer.headers}
        if signer.key is not None:
            headers[_SIGNATURE] = sign(body, signer.key, now=now)
        return Response(answer.status, headers, body)


def _wants_streams(client: Inngest, options: ServeOptions) -> bool:
    return (options.get("streaming") or client.config.streaming) is Streaming.FORCE


def _in_an_envelope(call: Flow[Response]) -> Flow[bytes]:
    response = yield from call
    return dump_envelope(response.status, response.headers, response.content)


_STREAM = {Header.ACCEL_BUFFERING.value: "no"}
"""nginx would keep the white space back, and whoever is before it would not see any."""

_SIGNATURE, _CONTENT_LENGTH = Header.SIGNATURE.value, Header.CONTENT_LENGTH.value
_EVERY_ANSWER = {Header.CONTENT_TYPE.value: "application/json", Header.SDK_HANDLED.value: "true"}


_CONSUMED = (
    "the body was consumed before it came here: its length was announced, and nothing is left of it; have the hook or "
    "the middleware that reads it ask the framework for the whole body, which is kept, and not for a stream or a form"
)


def _announces_a_body(request: Request) -> bool:
    return bool(content_length(request.headers.get(_CONTENT_LENGTH)))


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
