"""Callables of every kind as handlers and steps: looking through them ends, also for proxies that invent attributes."""

from __future__ import annotations

import functools
import threading
import xmlrpc.client
import xmlrpc.server
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

import inngest
from inngest_core.callables import innermost
from inngest_core.errors import FunctionConfigError
from inngest_core.function import inspect_handler
from tests.stage.one_function import request_of, serving, shown


class CatchAll:
    """Has every attribute, as proxies of remote objects do."""

    def __getattr__(self, name: str) -> CatchAll:
        return CatchAll()

    def __call__(self, number: int) -> int:
        return number + 1


class Decorator:
    """A decorator written as a class."""

    def __init__(self, inner: Callable[..., object]) -> None:
        functools.update_wrapper(self, inner)
        self._inner = inner

    def __call__(self, *args: object) -> object:
        return self._inner(*args)


def plain(number: int) -> int:
    return number + 1


@functools.lru_cache
def cached(number: int) -> int:
    return number + 1


@functools.wraps(plain)
def wrapper(*args: int) -> int:
    return plain(*args)


def cycle(number: int) -> int:
    return number + 1


cycle.__wrapped__ = cycle  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]  # as a broken decorator does


@pytest.fixture
def remote() -> Iterator[xmlrpc.client.ServerProxy]:
    with xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False) as server:
        callback: Any = plain
        server.register_function(callback, "plain")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{server.server_address[1]}") as proxy:
                yield proxy
        finally:
            server.shutdown()
            thread.join()


def result_of_step(callback: Callable[..., Any]) -> tuple[int, Any]:
    def handler(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("a", callback, 1)

    with serving(handler) as app:
        status, body = shown(app.handle_sync(request_of()))
    return status, [op["data"] for op in body]


def test_a_method_of_a_remote_object_is_a_step(remote: xmlrpc.client.ServerProxy) -> None:
    assert result_of_step(remote.plain) == (206, [2])


@pytest.mark.parametrize("callback", [CatchAll(), CatchAll().far.away, Decorator(plain), cached, wrapper, cycle])
def test_any_callable_is_a_step(callback: Callable[..., object]) -> None:
    assert result_of_step(callback) == (206, [2])


@pytest.mark.parametrize("callback", [mock.call, mock.call.far.away, mock.MagicMock()])
def test_looking_through_a_mock_ends(callback: object) -> None:
    assert callable(innermost(callback, through_wrappers=True))


@pytest.mark.parametrize(
    ("callback", "through_wrappers", "expected"),
    [
        (plain, True, plain),
        (wrapper, True, plain),
        (wrapper, False, wrapper),
        (cached, True, cached.__wrapped__),
        (functools.partial(functools.partial(wrapper)), True, plain),
        (functools.update_wrapper(functools.partial(cached), plain), True, plain),
        (functools.update_wrapper(functools.partial(cached), plain), False, cached),
        (Decorator(plain), True, plain),
        (Decorator(plain), False, Decorator.__call__),
        (CatchAll().__call__, True, CatchAll.__call__),
        (CatchAll(), True, CatchAll.__call__),
        (cycle, True, cycle),
        (Decorator, True, Decorator),
        (len, True, len),
    ],
)
def test_what_is_looked_through(callback: object, through_wrappers: bool, expected: object) -> None:
    assert innermost(callback, through_wrappers=through_wrappers) is expected


@pytest.mark.parametrize("handler", [CatchAll(), mock.call, xmlrpc.client.ServerProxy("http://127.0.0.1").plain])
def test_a_proxy_is_no_handler(handler: Any) -> None:
    with pytest.raises(FunctionConfigError, match="has no readable signature"):
        inspect_handler(handler, "it")
