"""What a client sends: events and signals. Each flow is written once; the async and the sync method drive it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .engine_api import EngineAPI
from .error_text import kind_of
from .errors import MiddlewareError, SendEventsError
from .events.event import Event, send_events
from .events.outgoing import read_events
from .middleware.base import MiddlewareFactory
from .middleware.hooks import Hooks
from .middleware.values import SendEventsResult
from .runtime.drivers import Resources, run_async, run_sync
from .runtime.effects import Flow
from .signals import send_signal
from .values.serializer import Serializer


class Sender:
    """The part of a client that sends.

    engine_api: what it is sent to. resources: of the drivers. middleware: whose hooks are around sending events.
    serializer: the client's own.
    """

    engine_api: EngineAPI
    resources: Resources
    middleware: list[MiddlewareFactory]
    serializer: Serializer | None

    async def send(self, events: Event | Sequence[Event], *, skip_middleware: bool = False) -> list[str]:
        """Send events, from any event loop. A function sends with `step.send_event`, which sends once and not per call.

        events: one event or a list of them.
        skip_middleware: leave out the hooks around sending.
        Returns the ids of the events, in order.
        Raises ConfigError: something else than events. EventKeyMissingError: cloud mode without an event key.
        OutputUnserializableError: data that cannot be written as JSON. SendEventsError: not all were sent; its `ids`
        are those of the events that were.
        """
        flow = self.send_flow(events, skip_middleware=skip_middleware, asynchronous=True)
        return await run_async(flow, self.resources)

    def send_sync(self, events: Event | Sequence[Event], *, skip_middleware: bool = False) -> list[str]:
        """Send events; from any thread, otherwise as `send`.

        events: one event or a list of them.
        skip_middleware: leave out the hooks around sending.
        Returns the ids of the events, in order. Raises what `send` does.
        """
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
        asynchronous: bool = False,
    ) -> Flow[list[str]]:
        """Send events, between the hooks around sending, as a flow that either driver runs.

        events: one event or a list of them.
        skip_middleware: leave out the hooks around sending.
        seed: what the ids of the events are made from, so that a repeated step sends the same ones; random by default.
        raw_request: the framework's request during which the events are sent, for the middleware.
        middleware: of the function that sends, after that of the client.
        headers: sent along with the usual ones.
        asynchronous: which driver runs it, for middleware that has hooks of both kinds.
        Returns the ids of the events, in order. Raises what `send` does.
        """
        listed = read_events(events, "events")
        factories = () if skip_middleware else [*self.middleware, *middleware]
        hooks = Hooks(factories, self, raw_request, self.resources, asynchronous=asynchronous)
        yield from hooks.run("before_send_events", listed)
        if hooks.exist:
            _check_events(listed)
        result = SendEventsResult([])
        try:
            result.ids = yield from send_events(
                listed, engine_api=self.engine_api, seed=seed, headers=headers, serializer=self.serializer
            )
        except SendEventsError as error:
            result = SendEventsResult(error.ids, error)
        yield from hooks.run_reversed("after_send_events", result)
        if result.error is not None:
            raise result.error
        return result.ids

    async def send_signal(self, signal: str, *, data: object = None) -> str | None:
        """Send a signal, from any event loop. A function sends with `step.send_signal`, which sends once, not per call.

        signal: its name; the run that waits for this name goes on.
        data: what comes with it; whatever can be written as JSON.
        Returns the id of the run that waited for it; None when no run did, and then the signal is lost.
        Raises ConfigError: no name. OutputUnserializableError: data that cannot be written as JSON.
        SendSignalError: the engine refused it or did not answer.
        """
        return await run_async(self._send_signal(signal, data), self.resources)

    def send_signal_sync(self, signal: str, *, data: object = None) -> str | None:
        """Send a signal; from any thread, otherwise as `send_signal`.

        signal: its name.
        data: what comes with it.
        Returns the id of the run that waited for it, or None. Raises what `send_signal` does.
        """
        return run_sync(self._send_signal(signal, data), self.resources)

    def _send_signal(self, signal: str, data: object) -> Flow[str | None]:
        return send_signal(signal, data, engine_api=self.engine_api, serializer=self.serializer)


def _check_events(events: Sequence[object]) -> None:
    """Refuse what a hook has put among the events."""
    for event in events:
        if not isinstance(event, Event):
            raise MiddlewareError(
                f"a before_send_events hook put {kind_of(event)} into the list of events; give inngest.Event(...)"
            )
