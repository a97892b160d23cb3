"""The client: configuration, and the functions defined with it. Holds no protocol of its own.

What it sends is in `sending.py`. What a client owns (threads, connections) is made on first use and closed with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from .by_hand import CallInput, CallResult
from .config import Mode, Streaming, load_config
from .definition import AnyTrigger, AsyncHandler, FunctionDecorator, SyncHandler, keywords_only, read_triggers
from .engine_api import EngineAPI
from .errors import ConfigError
from .execution.checkpoint import SavingPause
from .execution.hand_call import call_by_hand
from .execution.results import Warned
from .execution.step_names import StepNames
from .function import Function
from .messaging import Realtime
from .middleware.base import MiddlewareFactory
from .middleware.factories import check_middleware
from .options.checkpointing import CheckpointingOption
from .options.client_opts import (
    DEFAULT_HOOK_TIMEOUT,
    DEFAULT_REQUEST_TIMEOUT,
    check_checkpointing,
    check_kinds,
    check_pool_size,
    read_timeout,
)
from .options.function_opts import ID_RULE, FunctionOpts, is_id
from .options.options import (
    Batch,
    Cancel,
    Concurrency,
    ConcurrencyLimits,
    Debounce,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
)
from .protocol.duration import Duration
from .runtime.drivers import Resources
from .runtime.effects import Flow
from .sending import Sender
from .values.serializer import Serializer


class Inngest(Sender):
    """An app's connection to Inngest: defines its functions and sends its events.

    An option wins over its environment variable. Use the client as a context manager, or call `close`, to end its
    threads and connections; a client that is used afterwards makes them anew.
    """

    def __init__(
        self,
        *,
        app_id: str,
        app_version: str | None = None,
        env: str | None = None,
        api_base_url: str | None = None,
        event_api_base_url: str | None = None,
        event_key: str | None = None,
        signing_key: str | None = None,
        signing_key_fallback: str | None = None,
        is_production: bool | None = None,
        logger: logging.Logger | None = None,
        middleware: Sequence[MiddlewareFactory] | None = None,
        checkpointing: CheckpointingOption = True,
        request_timeout: Duration | None = None,
        hook_timeout: Duration | None = None,
        serializer: Serializer | None = None,
        streaming: Streaming | None = None,
        thread_pool_max_workers: int | None = None,
    ) -> None:
        """Read the configuration; nothing is contacted.

        app_id: the id of the app, stable across deployments; the ids of its functions begin with it.
        app_version: what the engine shows as the app's version.
        env: the branch environment; INNGEST_ENV by default, else in cloud mode the branch that the platform names.
        api_base_url: the origin of the engine's API; INNGEST_API_BASE_URL or INNGEST_BASE_URL by default, else
            Inngest Cloud's in cloud mode and http://127.0.0.1:8288 in dev mode.
        event_api_base_url: the origin that events are sent to; INNGEST_EVENT_API_BASE_URL by default, else as above.
        event_key: the key to send events with; INNGEST_EVENT_KEY by default. Dev mode needs none.
        signing_key: the key that requests to and from the engine are signed with; INNGEST_SIGNING_KEY by default.
        signing_key_fallback: a second key that is accepted while keys are rotated; INNGEST_SIGNING_KEY_FALLBACK by
            default.
        is_production: True for cloud mode, False for dev mode; by default INNGEST_DEV decides, and without it the
            mode is cloud.
        logger: what the SDK and `ctx.logger` log to; `logging.getLogger("inngest")` by default.
        middleware: middleware of all functions and of sending events, in order: classes, or functions
            `(client, raw_request)` that return an instance.
        checkpointing: whether the results of steps are saved at the engine while a function goes on, so that one call
            does for a chain of steps; a Checkpointing says how. A function may say otherwise.
        request_timeout: how long a request to the engine may take; milliseconds or a timedelta, 30 seconds by default.
        hook_timeout: how long a hook of async middleware may take before its attempt fails, without what it wraps;
            milliseconds or a timedelta, 5 minutes by default.
        serializer: writes and reads values that have an `output_type` or that pydantic does not know.
        streaming: whether answers to calls begin at once and are kept alive while the function runs;
            INNGEST_STREAMING by default, else they are not.
        thread_pool_max_workers: how many plain `def` functions run at a time under an async framework, each
            in a thread; INNGEST_THREAD_POOL_MAX_WORKERS by default, else 40. 0 runs them on the event loop, which they
            block.
        Raises ConfigError: an option or an environment variable that cannot be used. Raises URLInvalidError: an
        origin that is not an absolute URL.
        """
        self._given = {name: value for name, value in locals().items() if name != "self"}
        if not is_id(app_id):
            raise ConfigError(f"app_id is {app_id!r}; give {ID_RULE}")
        check_kinds(self._given)
        self.app_id = app_id
        self.app_version = app_version
        self.config = load_config(
            api_base_url=api_base_url,
            event_api_base_url=event_api_base_url,
            event_key=event_key,
            signing_key=signing_key,
            signing_key_fallback=signing_key_fallback,
            is_production=is_production,
            env=env,
            streaming=streaming,
        )
        self.logger = logger or _own_logger(self.config.log_level)
        self.middleware: list[MiddlewareFactory] = list(check_middleware(middleware))
        self.checkpointing = check_checkpointing(checkpointing)
        self.request_timeout_seconds = read_timeout("request_timeout", request_timeout, DEFAULT_REQUEST_TIMEOUT)
        self.hook_timeout_seconds = read_timeout("hook_timeout", hook_timeout, DEFAULT_HOOK_TIMEOUT)
        self.serializer = serializer
        self.engine_api = EngineAPI(self.config, timeout_seconds=self.request_timeout_seconds)
        self.resources = Resources(check_pool_size(thread_pool_max_workers, self.config.thread_pool_max_workers))
        self.warned_of: Warned = set()
        """The callbacks of whose results was warned."""
        self.step_names = StepNames()
        self.saving_pause = SavingPause()

    def __repr__(self) -> str:
        return f"Inngest(app_id={self.app_id!r}, mode={self.config.mode.value}, because: {self.config.mode_reason})"

    @property
    def mode(self) -> Mode:
        return self.config.mode

    @property
    def is_production(self) -> bool:
        return self.config.mode is Mode.CLOUD

    @property
    def api_origin(self) -> str:
        return self.config.api_origin

    @property
    def event_api_origin(self) -> str:
        return self.config.event_api_origin

    @property
    def env(self) -> str | None:
        return self.config.env

    @property
    def event_key(self) -> str | None:
        return self.config.event_key

    @property
    def signing_key(self) -> str | None:
        keys = self.config.signing_keys
        return None if keys is None else keys.key.text

    @property
    def signing_key_fallback(self) -> str | None:
        keys = self.config.signing_keys
        return None if keys is None or keys.fallback is None else keys.fallback.text

    @property
    def realtime(self) -> Realtime:
        """Realtime: publish messages, subscribe to them, and make tokens for those who subscribe elsewhere."""
        return Realtime(self.engine_api, self.resources, self.logger, self.serializer)

    def add_middleware(self, middleware: MiddlewareFactory) -> None:
        """Add middleware after what there is.

        middleware: a middleware class, or a function `(client, raw_request)` that returns an instance.
        Raises ConfigError: it is something else.
        """
        self.middleware.extend(check_middleware([middleware]))

    def set_logger(self, logger: logging.Logger) -> None:
        """Log to another logger from now on.

        logger: what the SDK and `ctx.logger` log to.
        """
        self.logger = logger

    @keywords_only
    def create_function(
        self,
        *,
        fn_id: str,
        trigger: AnyTrigger | Sequence[AnyTrigger] | None = None,
        name: str | None = None,
        retries: int | None = None,
        on_failure: AsyncHandler[object] | SyncHandler[object] | None = None,
        output_type: object = None,
        idempotency: str | None = None,
        batch_events: Batch | None = None,
        cancel: Sequence[Cancel] | None = None,
        concurrency: Sequence[Concurrency] | ConcurrencyLimits | None = None,
        debounce: Debounce | None = None,
        priority: Priority | None = None,
        rate_limit: RateLimit | None = None,
        singleton: Singleton | None = None,
        throttle: Throttle | None = None,
        timeouts: Timeouts | None = None,
        checkpointing: CheckpointingOption | None = None,
        middleware: Sequence[MiddlewareFactory] | None = None,
    ) -> FunctionDecorator:
        """Return a decorator that makes a Function of a handler: `(ctx)` or `(ctx, step)`, `async def` or `def`.

        fn_id: the id of the function, unique in the app and stable across deployments.
        trigger: what starts it: one or a list of TriggerEvent, TriggerCron, event types and event classes; without
            one it runs only when it is invoked.
        name: what the engine shows for it; the fn_id by default.
        retries: how often it is tried again after the first failure, 0 to 20; 4 by default.
        on_failure: a handler, sync or async as the function's, that runs when the last try has failed.
        output_type: the type that the result of the function is written as, and read as by who invokes it.
        idempotency: an expression; events that give the same value start one run in 24 hours.
        batch_events: call the function with several events at once.
        cancel: the events that cancel its runs, 5 at most.
        concurrency: how many of its steps may run at a time: 2 limits at most, or limits of runs and of steps.
        debounce: wait until events stop coming, then run with the last one.
        priority: move its runs ahead in the queue, or back.
        rate_limit: skip events when too many come.
        singleton: keep at most one run at a time.
        throttle: start later when too many events come.
        timeouts: cancel runs that start too late or take too long.
        checkpointing: whether and how the results of its steps are saved while it goes on; as the client by default.
        middleware: middleware of this function alone, in order; it comes after that of the client.
        Raises FunctionConfigError, when the decorator is applied: it names the function, the option, its value and
        the rule. Raises ConfigError: an event class that does not say the name of its events.
        """
        options = dict(locals())  # the signature above is the only list of the options
        for other in ("self", "trigger", "on_failure", "output_type", "middleware"):
            del options[other]
        opts = FunctionOpts(**options)
        triggers = read_triggers(trigger)

        def decorate(handler: Callable[..., object], /) -> Function[Any]:
            function: Function[Any] = Function(
                app_id=self.app_id,
                opts=opts,
                triggers=triggers,
                handler=handler,
                on_failure=on_failure,
                output_type=output_type,
                middleware=middleware,
            )
            function.client = self
            for text in opts.warnings():
                self.logger.warning('function "%s": %s', function.id, text)
            return function

        return decorate

    def call_flow(
        self,
        function: Function[Any],
        given: CallInput,
        fn_id: str | None = None,
        middleware: Sequence[MiddlewareFactory] | None = None,
    ) -> Flow[CallResult]:
        """Call a function by hand, as a flow that either driver runs; what `Function.call` drives.

        function: one of this client's.
        given: what it is called with.
        fn_id: that of its failure handler, to call that instead.
        middleware: instead of that of the client and the function.
        Returns what the call came to. Raises FunctionNotFoundError: the function has no such id.
        """
        return call_by_hand(self, function, given, fn_id, middleware)

    def with_options(self, **options: Any) -> Self:
        """Return another client of the same app, with some options changed; it has threads and connections of its own.

        options: those of `Inngest`, but for `app_id`: the functions of this client are served with the other one, too.
        Raises ConfigError: an option that cannot be used. TypeError: an unknown one, or `app_id`.
        """
        if "app_id" in options:
            raise TypeError("with_options() takes every option but 'app_id', which is part of the ids of the functions")
        given: dict[str, Any] = {**self._given, "middleware": self.middleware, "logger": self.logger, **options}
        return type(self)(**given)

    def close(self) -> None:
        """End the client's threads and connections."""
        self.resources.close()

    async def close_async(self) -> None:
        """End the client's threads and connections, without blocking the running loop."""
        await self.resources.close_async()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close_async()


def _own_logger(level: str | None) -> logging.Logger:
    logger = logging.getLogger("inngest")
    if level is not None:
        logger.setLevel(level)
    return logger
