"""Apps in this process, and how each is asked: a bare list of functions here, those of frameworks in `frameworks.py`.

A target gets the request that an engine would send over HTTP, and gives back the app's answer. Plain functions run in
the thread of a test that is not async, or else in a thread of their own; coroutines run on the loop of the engine. What
is asked in a thread waits for nothing, so `at_once` runs it there, and what is around it as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.protocol.wire import Query
from inngest_core.serving.app import App
from inngest_core.serving.registration import dump_functions
from inngest_core.web.messages import Request, Response

from .errors import AppError

__tracebackhide__ = True

T = TypeVar("T")


class Threads(Protocol):
    """Calls what must not run on the loop."""

    def __call__(self, do: Callable[[], T], /) -> Awaitable[T]: ...


async def in_a_thread(do: Callable[[], T]) -> T:
    """Call *do* in a thread: for engines of async tests."""
    return await asyncio.to_thread(do)


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing, in this thread, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise AssertionError("what runs in a thread waits for nothing")


class Target(Protocol):
    """An app."""

    def is_plain(self, request: Request) -> bool:
        """Tell whether plain code answers a request: then `ask` waits for nothing, and does not belong on the loop."""
        ...

    async def ask(self, request: Request) -> Response:
        """Return what the app answers."""
        ...


class BareTarget:
    """Functions of one client, without a framework. Its calls need no signature: nobody else can make them.

    on_demand: functions among them that no event starts.
    """

    def __init__(self, client: Inngest) -> None:
        self._client = client
        self._functions: dict[str, Function[Any]] = {}
        self._on_demand: set[str] = set()
        self._sync: tuple[str, ...] = ()
        """What the URLs of calls of plain functions hold."""
        self._plain: dict[str, bool] = {}
        """Whether plain code answers, by the URLs that were asked."""
        self._app: App
        """Made when functions are added."""

    def add(self, functions: Sequence[Function[Any]], *, on_demand: bool) -> None:
        """Serve more functions. on_demand: no event is to start them."""
        for function in functions:
            self._functions[function.id] = function
            plain = (fn_id for fn_id, handler in function.handlers.items() if not handler.is_async)
            self._sync += tuple(f"{Query.FUNCTION_ID.value}={fn_id}&" for fn_id in plain)
        self._plain.clear()
        if on_demand:
            self._on_demand.update(function.id for function in functions)
        self._app = App(self._client, list(self._functions.values()), framework="testing", needs_key=False)

    def is_plain(self, request: Request) -> bool:
        known = self._plain.get(request.url)
        if known is None:
            known = self._plain[request.url] = any(sync in request.url for sync in self._sync)
        return known

    async def ask(self, request: Request) -> Response:
        return self._app.answer_sync(request) if self.is_plain(request) else await self._app.answer_async(request)

    def registration(self, url: str) -> Mapping[str, object]:
        """Return what the app would send to an engine. url: of the app."""
        configs = dump_functions(self._app.functions, url)
        return {
            "appName": self._client.app_id,
            "appVersion": self._client.app_version,
            "url": url,
            "framework": self._app.framework,
            "functions": [{**each, "triggers": _NEVER} if each["id"] in self._on_demand else each for each in configs],
        }


_NEVER = [{"event": "testing/never"}]
"""The triggers of a function that only the test starts: its own events and crons would start more runs of it."""


def client_of(function: Function[Any]) -> Inngest:
    """Return the client that a function was defined with; raises AppError: it has none."""
    if not isinstance(cast("object", function), Function):
        raise AppError(
            f"{function!r} is not an Inngest function; give what @client.create_function(…) returned, not the function "
            "that it decorates"
        )
    client = function.client
    if not isinstance(client, Inngest):
        raise AppError(f"{function!r} was not made by create_function of a client, so it cannot be run")
    return client


def by_client(functions: Sequence[Function[Any]]) -> list[tuple[Inngest, list[Function[Any]]]]:
    """Return the functions of each client. Raises AppError: one of them is not a function, or has no client."""
    found: dict[int, tuple[Inngest, list[Function[Any]]]] = {}
    for function in functions:
        client = client_of(function)
        found.setdefault(id(client), (client, []))[1].append(function)
    return list(found.values())


def functions_in(app: object) -> Sequence[Function[Any]] | None:
    """Return the functions in a list of them, or of an App; None when *app* is the app of a framework."""
    if isinstance(app, Function):
        return [cast("Function[Any]", app)]  # type: ignore[redundant-cast]  # pyright knows no parameter of it
    if isinstance(app, App):
        return app.functions
    if isinstance(app, list | tuple):
        return cast("Sequence[Function[Any]]", app)
    return None
