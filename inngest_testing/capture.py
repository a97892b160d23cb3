"""What clients send in a test, kept instead of sent, through their public hook: `inngest.intercept_requests`."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

from inngest_core.events.event import Event, parse_event
from inngest_core.protocol.ulid import ENTROPY_SIZE, make_ulid
from inngest_core.protocol.wire import EventName, parse_json
from inngest_core.runtime.interceptors import intercepting
from inngest_core.web.messages import HTTPRequest, HTTPResponse

from .api import is_sending
from .errors import NotSentError
from .recording import current_engine
from .replaying import Replaying
from .results import Result, one_line
from .sync_engine import Engine
from .wording import meant

__tracebackhide__ = True

_MOST_SHOWN = 20


class Sent:
    """The events that every client of this process has sent since this was opened, from any thread and any loop.

    They are kept here and not sent. What an engine of the kit is sent by the functions that it calls is not among them.
    Use it as a context manager, or take the fixture `inngest_sent`.

    ```python
    with testing.Sent() as sent:
        http.post("/orders", json={"id": 5})
        sent.assert_sent("shop/ordered", data={"id": 5})
    ```
    """

    def __init__(self, *apps: object) -> None:
        """Nothing is kept before it is opened.

        apps: what `drain` runs: functions, lists of functions, apps of frameworks.
        """
        self._apps = apps
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._drained: list[Event] = []
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._exit.enter_context(intercepting(self._intercept))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit.close()

    def __repr__(self) -> str:
        return f"<sent {', '.join(event.name for event in self.events) or 'nothing'}>"

    def describe(self) -> str:
        """Return what was sent, for people who look why a test failed."""
        return f"sent were:\n{_listed([*self._drained, *self.events])}"

    @property
    def events(self) -> list[Event]:
        """What was sent, in order."""
        with self._lock:
            return list(self._events)

    def named(self, name: str) -> list[Event]:
        """Return the events of a name.

        name: the name.
        """
        return [event for event in self.events if event.name == name]

    def clear(self) -> None:
        """Forget what was sent until now."""
        with self._lock:
            self._events.clear()

    def assert_sent(
        self, name: str, *, data: Mapping[str, object] | None = None, count: int | None = None, **fields: object
    ) -> Event:
        """Check that an event was sent; return the first one that fits.

        name: its name.
        data: what its data holds at least; values inside have to be equal.
        count: how many such events were sent; at least one by default.
        fields: other fields of the event, such as `id` and `ts`.
        Raises NotSentError, which lists what was sent.
        """
        _check_wanted(name, data, fields)
        found = [event for event in self.named(name) if _fits(event, data, fields)]
        if found and count in (None, len(found)):
            return found[0]
        raise NotSentError(self._explain(name, data, fields, len(found), count))

    def assert_not_sent(self, name: str | None = None) -> None:
        """Check that no event was sent.

        name: no event of this name; by default none at all.
        Raises NotSentError, which lists what was sent.
        """
        found = self.events if name is None else self.named(name)
        if found:
            what = "no event" if name is None else f'no "{name}"'
            raise NotSentError(f"expected {what} to be sent; sent were:\n{_listed(self.events)}")

    def drain(
        self, *apps: object, steps: Mapping[str, object] | None = None, replay: Replaying = True
    ) -> list[Result[Any]]:
        """Run what the events start, to the end; return these runs, and those that they started in turn.

        The events are forgotten, as they have been sent now.

        apps: functions, lists of functions, or apps of frameworks; by default those that this was made with.
        steps: stubs by step id.
        replay: as for `testing.run`.
        Raises TypeError: no app is known. StubError: a stub was not used.
        """
        given = apps or self._apps
        if not given:
            raise TypeError(
                "sent.drain() does not know what to run; give it functions or an app, or mark the test with "
                "@pytest.mark.inngest(app) or set inngest_app in the configuration of pytest"
            )
        events = self.events
        self.clear()
        self._drained += events
        with Engine(*given, steps=steps, replay=replay) as engine:
            started: list[Result[Any]] = []
            for event in events:
                started += engine.runs_of(engine.send(event))
            for run in started:
                engine.wait(run)
            engine.settle()
            engine.check_stubs()
            return [run for run in engine.runs() if run.event.name != EventName.SCHEDULED_TIMER]

    def _intercept(self, request: HTTPRequest) -> HTTPResponse | None:
        if not is_sending(request) or current_engine.get() is not None:
            return None
        listed: object = parse_json(request.body)
        raw = cast("list[dict[str, Any]]", listed if isinstance(listed, list) else [listed])
        events = [parse_event(each) for each in raw]
        with self._lock:
            start = len(self._events)
            self._events.extend(events)
        ids = [make_ulid(0.0, (start + number).to_bytes(ENTROPY_SIZE)) for number in range(len(events))]
        return HTTPResponse(200, {}, json.dumps({"ids": ids, "status": 200}).encode())

    def _explain(
        self, name: str, data: Mapping[str, object] | None, fields: Mapping[str, object], found: int, count: int | None
    ) -> str:
        wanted = {**({} if data is None else {"data": dict(data)}), **fields}
        told = ", ".join(f"{key} = {one_line(each)}" for key, each in wanted.items())
        what = f'"{name}" with {told}' if told else f'"{name}"'
        if count is not None and found:
            what = f"{count} of {what}, found {found}"
        lines = [f"expected to be sent: {what}", f"sent were:\n{_listed(self.events)}"]
        near = self.named(name)
        if near and not found:
            lines.insert(1, f'the nearest "{name}" differs: {_difference(near, data or {}, fields)}')
        elif not near:
            lines[0] += meant(name, (event.name for event in self.events))
        return "\n".join(lines)


def _fits(event: Event, data: Mapping[str, object] | None, fields: Mapping[str, object]) -> bool:
    if data is not None and any(key not in event.data or event.data[key] != value for key, value in data.items()):
        return False
    return all(getattr(event, key, None) == value for key, value in fields.items())


def _check_wanted(name: str, data: Mapping[str, object] | None, fields: Mapping[str, object]) -> None:
    """Raise TypeError for what no event can have."""
    if not isinstance(cast("object", name), str):
        raise TypeError(f"name is {name!r}; give the name of the event, and its data as data=")
    if data is not None and not isinstance(cast("object", data), Mapping):
        raise TypeError(f"data is {data!r}; give a dict of what the data of the event holds")
    known = [field for field in Event.model_fields if field not in ("name", "data")]
    unknown = next((field for field in fields if field not in known), None)
    if unknown is not None:
        raise TypeError(f"events have no field {unknown!r}; give data= and any of {', '.join(known)}")


def _difference(events: Sequence[Event], data: Mapping[str, object], fields: Mapping[str, object]) -> str:
    """Return how the event that fits best differs from the data and the fields."""
    nearest = min([_mismatches(event, data, fields) for event in events], key=len)
    return "; ".join(nearest)


def _mismatches(event: Event, data: Mapping[str, object], fields: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for key, value in data.items():
        if key not in event.data:
            found.append(f"it has no data.{key}")
        elif event.data[key] != value:
            found.append(f"data.{key} is {one_line(event.data[key])}, not {one_line(value)}")
    for key, value in fields.items():
        if getattr(event, key) != value:
            found.append(f"{key} is {one_line(getattr(event, key))}, not {one_line(value)}")
    return found


def _listed(events: Sequence[Event]) -> str:
    lines = [f"  {event.name}  {one_line(event.data)}" for event in events[:_MOST_SHOWN]]
    if len(events) > _MOST_SHOWN:
        lines.append(f"  and {len(events) - _MOST_SHOWN} more")
    return "\n".join(lines) or "  nothing"
