"""A lifespan that closes clients when the app ends, and refuses to start an app that serves twice at one path."""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, cast

from starlette.routing import Mount, Route

from inngest_core.client import Inngest
from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError
from inngest_core.serving.arguments import check_client, refuse_second_endpoint

from .serve import Endpoint

A = TypeVar("A")
State = Mapping[str, Any]
"""What a lifespan gives to the requests of its app."""


def lifespan(
    *clients: Inngest,
    inner: Callable[[A], AbstractAsyncContextManager[State | None]] | None = None,
) -> Callable[[A], AbstractAsyncContextManager[State]]:
    """Return a lifespan for a Starlette or FastAPI app, which closes *clients* when the app has ended.

    clients: what serves functions or sends events. A client that is used afterwards makes its connections anew.
    inner: the app's own lifespan, which ends before the clients are closed; what it yields is the state of the app's
        requests.
    Raises ConfigError: something else than clients and a lifespan. The app does not start, with a ConfigError, when
    functions are served twice at one path.
    """
    for client in clients:
        check_client(client)
    if inner is not None and not callable(inner):
        raise ConfigError(f"inner is {kind_of(inner)}; give the app's own lifespan, such as an @asynccontextmanager")
    if inspect.isasyncgenfunction(inner) or inspect.iscoroutinefunction(inner) or inspect.isgeneratorfunction(inner):
        raise ConfigError(
            f"inner is the plain function {inner.__qualname__}; write it as an async generator with one yield, and put "
            "@contextlib.asynccontextmanager above it"
        )

    @contextlib.asynccontextmanager
    async def run(app: A) -> AsyncGenerator[State]:
        for path, count in Counter(_paths(app)).items():
            if count > 1:
                refuse_second_endpoint(path)
        async with contextlib.AsyncExitStack() as stack:
            for client in clients:
                stack.push_async_callback(client.close_async)
            state = await stack.enter_async_context(inner(app)) if inner is not None else None
            yield state or {}

    return run


def _paths(app: object, prefix: str = "") -> Iterator[str]:
    """Yield the paths at which an app serves functions, those of its mounts and its included routers among them."""
    for route in cast("Iterable[object]", getattr(app, "routes", None) or ()):
        if isinstance(route, Mount):
            yield from _paths(route, prefix + route.path)
        elif isinstance(route, Route) and isinstance(route.endpoint, Endpoint):
            yield prefix + route.path
        else:  # newer versions of FastAPI keep a router that was included
            context: object = getattr(route, "include_context", None)
            yield from _paths(getattr(route, "original_router", None), prefix + str(getattr(context, "prefix", "")))
