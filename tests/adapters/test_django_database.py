"""Django: database connections in threads that Django's own request signals do not reach."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.core import signals
from django.db import close_old_connections, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

import inngest
from tests.stage.shop import BODY, Shop, expect_ran, query, shop_of
from tests.targets.django_site import DATABASE

from .django_sites import Connect, patterns_of, under_asgi, under_wsgi


class Asking(Shop):
    """Asks the database in both functions. used: the connections, each with its thread and its state when met."""

    def __init__(self, client: inngest.Inngest) -> None:
        super().__init__(client)
        self.used: list[tuple[BaseDatabaseWrapper, int, bool]] = []

    def visit(self) -> None:
        wrapper = connections["default"]
        self.used.append((wrapper, threading.get_ident(), wrapper.connection is not None))
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    async def visit_async(self) -> None:
        await sync_to_async(self.visit)()


@pytest.fixture(autouse=True)
def no_signals() -> Iterator[None]:
    """Have Django close nothing at the start and end of a request: what is closed then, the adapter closed."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)
    connection.close()
    DATABASE.unlink(missing_ok=True)


def close(wrapper: BaseDatabaseWrapper) -> None:
    """Close a connection of another thread."""
    wrapper.inc_thread_sharing()
    wrapper.close()


def call_twice(connect: Connect, name: str, max_age: int | None, monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", max_age)
    with shop_of(Asking, thread_pool_max_workers=1) as served:
        send = connect(patterns_of(served))
        for _ in range(2):
            expect_ran(send("POST", query(name), {}, BODY), name)
        return served


ELSEWHERE = pytest.mark.parametrize(("connect", "name"), [(under_asgi, "plain"), (under_wsgi, "async")])


@ELSEWHERE
def test_connections_in_other_threads_are_closed(connect: Connect, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    served = call_twice(connect, name, 0, monkeypatch)
    for wrapper, thread, _ in served.used:
        assert thread != threading.get_ident()
        assert wrapper.connection is None


@ELSEWHERE
def test_connections_in_other_threads_are_kept_as_long_as_the_settings_say(
    connect: Connect, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = call_twice(connect, name, None, monkeypatch)
    (first, _, was_open), (second, _, is_open) = served.used
    try:
        assert first is second
        assert (was_open, is_open) == (False, True)
        assert first.connection is not None
    finally:
        close(first)


def test_connections_in_the_thread_of_a_streamed_call_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the settings say: nobody would ever use them again."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", None)
    with shop_of(Asking, streaming=inngest.Streaming.FORCE) as served:
        answer = under_wsgi(patterns_of(served))("POST", query("plain"), {}, BODY)
    assert answer.status == 201
    ((wrapper, thread, was_open),) = served.used
    assert (thread != threading.get_ident(), was_open, wrapper.connection) == (True, False, None)


class Visiting(Asking):
    """Asks the database in the first and in the last hook of the client too."""

    def __init__(self, client: inngest.Inngest) -> None:
        super().__init__(client)
        visit, visit_async = self.visit, self.visit_async

        class Hooks(inngest.MiddlewareSync):
            def transform_input(self, ctx: object, function: object, steps: object) -> None:
                visit()

            def before_response(self) -> None:
                visit()

        class HooksAsync(inngest.Middleware):
            async def transform_input(self, ctx: object, function: object, steps: object) -> None:
                await visit_async()

            async def before_response(self) -> None:
                await visit_async()

        client.add_middleware(lambda client, raw: (Hooks if self.kind == "plain" else HooksAsync)(client, raw))

    kind = "plain"


@ELSEWHERE
def test_connections_are_closed_before_the_hooks_of_the_client(
    connect: Connect, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 600)
    with shop_of(Visiting, thread_pool_max_workers=1) as served:
        served.kind = name
        send = connect(patterns_of(served))
        expect_ran(send("POST", query(name), {}, BODY), name)
        wrapper = served.used[0][0]
        try:
            assert [is_open for _, _, is_open in served.used] == [False, True, True]
            wrapper.close_at = 0  # long ago
            expect_ran(send("POST", query(name), {}, BODY), name)
            assert {used for used, _, _ in served.used} == {wrapper}
            assert [is_open for _, _, is_open in served.used[3:]] == [False, True, True]
        finally:
            close(wrapper)


@ELSEWHERE
def test_connections_are_closed_after_the_hooks_of_the_client(
    connect: Connect, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    with shop_of(Visiting, thread_pool_max_workers=1) as served:
        served.kind = name
        expect_ran(connect(patterns_of(served))("POST", query(name), {}, BODY), name)
        assert [is_open for _, _, is_open in served.used] == [False, True, True]
        assert served.used[0][0].connection is None


def test_in_the_requests_own_thread_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    served = call_twice(under_wsgi, "plain", 0, monkeypatch)
    (wrapper, thread, _), (_, _, is_open) = served.used
    assert thread == threading.get_ident()
    assert is_open
    assert wrapper.connection is not None


def test_a_function_that_fails_leaves_no_connection_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Asking):
        def visit(self) -> None:
            super().visit()
            raise ValueError("no")

    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    with shop_of(Failing) as served:
        assert under_asgi(patterns_of(served))("POST", query("plain"), {}, BODY).status == 500
        assert served.used[0][0].connection is None


def test_serving_does_not_change_the_functions() -> None:
    with shop_of(Asking) as served:
        before = [function.middleware for function in served.functions]
        patterns_of(served)
        assert [function.middleware for function in served.functions] == before
        assert served.client.middleware == []
