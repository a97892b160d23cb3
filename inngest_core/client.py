"""The client: configuration, the functions defined with it, and sending events. Holds no protocol of its own.

`send` and `send_sync` drive the one flow of `events.py`. What a client owns (threads, connections) is made on first
use and closed with it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast, overload

from .config import Mode, load_config
from .engine_api import WorkingKey
from .errors import ConfigError, FunctionConfigError, SendEventsError
from .events.event import Event, send_events
from .events.event_types import EventType, as_trigger
from .execution.context import Context, ContextSync
from .execution.results import Warned
from .execution.step import Step, StepSync
from .execution.step_names import StepNames
from .function import Function, Handler, duplicate_message
from .middleware import Hooks, MiddlewareFactory, SendEventsResult
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
    Trigger,
)
from .protocol.duration import Duration, to_ms
from .runtime.drivers import Resources, run_async, run_sync
from .runtime.effects import Flow
from .values.serializer import Serializer

T = TypeVar("T")

AnyTrigger = Trigger | EventType[Any] | type[Event]

DEFAULT_TIMEOUT_MS = 30_000

AsyncHandler = Callable[[Context[Any]], Awaitable[T]] | Callable[[Context[Any], Step], Awaitable[T]]
SyncHandler = (
    Callable[[ContextSync[Any]], T] | Callable[[ContextSync[Any], StepSync], T] | Callable[[Context[Any], StepSync], T]
)
"""The last form is that of the 0.4 release, which had one Context for both colours."""


class FunctionDecorator(Protocol):
    """What `create_function` returns: it makes a Function of a handler, async or plain, `(ctx)` or `(ctx, step)`."""

    @overload
    def __call__(self, handler: AsyncHandler[T], /) -> Function[T]: ...
    @overload
    def __call__(self, handler: SyncHandler[T], /) -> Function[T]: ...


class Inngest:
    """An app's connection to Inngest: defines its functions and sends its events.

    Options win over environment variables (protocol §1). Use it as a context manager, or call `close`, to end its
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
        request_timeout: Duration | None = None,
        serializer: Serializer | None = None,
        thread_pool_max_workers: int | None = None,
    ) -> None:
        """Read the configuration; nothing is contacted.

        request_timeout: for requests to the engine; milliseconds or a timedelta, 30 seconds by default.
        thread_pool_max_workers: how many plain `def` functions run at a time under an async framework.
        Raises ConfigError, URLInvalidError.
        """
        if not is_id(app_id):
            raise ConfigError(f"app_id is {app_id!r}; give {ID_RULE}")
        if thread_pool_max_workers is not None and thread_pool_max_workers < 1:
            raise ConfigError(f"thread_pool_max_workers is {thread_pool_max_workers}; give 1 or more")
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
        )
        self.logger = logger or _own_logger(self.config.log_level)
        self.middleware: list[MiddlewareFactory] = list(middleware or ())
        self.request_timeout_seconds = _timeout_seconds(request_timeout)
        self.serializer = serializer
        self.working_key = WorkingKey()
        self.resources = Resources(thread_pool_max_workers or self.config.thread_pool_max_workers)
        self.warned_of: Warned = set()
        self.step_names = StepNames()
        """The callbacks of whose results was warned."""
        self._handlers: dict[str, Handler] = {}

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

    def add_middleware(self, middleware: MiddlewareFactory) -> None:
        """Add a middleware class or factory after those there are."""
        self.middleware.append(middleware)

    def set_logger(self, logger: logging.Logger) -> None:
        self.logger = logger

    def create_function(
        self,
        *,
        fn_id: str,
        trigger: AnyTrigger | Sequence[AnyTrigger] = (),
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
        middleware: Sequence[MiddlewareFactory] | None = None,
    ) -> FunctionDecorator:
        """Return a decorator that makes a Function of a handler: `(ctx)` or `(ctx, step)`, async or plain.

        fn_id: unique in the app. trigger: one or a list; an event type or class is one; none makes a function
        that is only invoked. retries: after the first try; 4 when not given. on_failure: runs when the function failed
        for good; it has the colour of the handler. output_type: what the result is read as. Source: protocol §5.
        The decorator raises FunctionConfigError: it names the function, the field, the value and the rule. An event
        class that names no event raises ConfigError.
        """
        opts = FunctionOpts(
            fn_id=fn_id,
            name=name,
            retries=retries,
            idempotency=idempotency,
            batch_events=batch_events,
            cancel=cancel,
            concurrency=concurrency,
            debounce=debounce,
            priority=priority,
            rate_limit=rate_limit,
            singleton=singleton,
            throttle=throttle,
            timeouts=timeouts,
        )
        # What is neither a trigger nor a list of them, such as a text, is one wrong trigger to Function.
        listed = tuple(trigger) if isinstance(trigger, list | tuple) else (cast("Trigger | EventType[Any]", trigger),)
        triggers = [as_trigger(each) for each in listed]

        def decorate(handler: Callable[..., object], /) -> Function[Any]:
            function: Function[Any] = Function(
                app_id=self.app_id,
                opts=opts,
                triggers=triggers,
                handler=handler,
                on_failure=on_failure,
                output_type=output_type,
                middleware=middleware or (),
            )
            self._remember(function)
            return function

        return decorate

    def _remember(self, function: Function[object]) -> None:
        """Refuse another function of the same id; the same lines run again, as in an app factory, are the same one."""
        for fn_id, handler in function.handlers.items():
            first = self._handlers.get(fn_id)
            if first is not None and first.where != handler.where:
                raise FunctionConfigError(duplicate_message(fn_id, first, handler))
        self._handlers.update(function.handlers)

    async def send(self, events: Event | Sequence[Event], *, skip_middleware: bool = False) -> list[str]:
        """Send one or more events and return their ids, from any event loop.

        skip_middleware: leave out the hooks around sending.
        Raises EventKeyMissingError, OutputUnserializableError, SendEventsError (its `ids` went through).
        """
        return await run_async(self.send_flow(events, skip_middleware=skip_middleware), self.resources)

    def send_sync(self, events: Event | Sequence[Event], *, skip_middleware: bool = False) -> list[str]:
        """Send one or more events and return their ids, from any thread; otherwise as `send`."""
        return run_sync(self.send_flow(events, skip_middleware=skip_middleware), self.resources)

    def send_flow(
        self,
        events: Event | Sequence[Event],
        *,
        skip_middleware: bool = False,
        seed: str | None = None,
        raw_request: object = None,
        middleware: Sequence[MiddlewareFactory] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Flow[list[str]]:
        """Send one or more events, between the hooks around sending; seed and headers as in `events.send_events`.

        middleware: of the function that sends, after that of the client.
        Raises ConfigError when something else than events is given.
        """
        listed = [events] if isinstance(events, Event) else list(events)
        for number, event in enumerate(listed):
            if not isinstance(event, Event):  # pyright: ignore[reportUnnecessaryIsInstance]  # not all users check types
                raise ConfigError(
                    f"events[{number}] is a {type(event).__name__}; give inngest.Event(name=..., data=...), "
                    "or what an event type makes"
                )
        hooks = Hooks(() if skip_middleware else [*self.middleware, *middleware], self, raw_request)
        yield from hooks.run("before_send_events", listed)
        result = SendEventsResult([])
        try:
            result.ids = yield from send_events(
                listed,
                config=self.config,
                seed=seed,
                headers=headers,
                timeout_seconds=self.request_timeout_seconds,
                serializer=self.serializer,
            )
        except SendEventsError as error:
            result = SendEventsResult(error.ids, error)
        yield from hooks.run_reversed("after_send_events", result)
        if result.error is not None:
            raise result.error
        return result.ids

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


def _timeout_seconds(request_timeout: Duration | None) -> float:
    try:
        ms = DEFAULT_TIMEOUT_MS if request_timeout is None else to_ms(request_timeout)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"request_timeout: {error}") from None
    if ms == 0:
        raise ConfigError("request_timeout is zero; give milliseconds or a timedelta, or leave it out for 30 seconds")
    return ms / 1000
