"""Outgoing HTTP on real sockets: pooling, short-lived loops, forks. tests/core/test_answers.py has what goes wrong."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager

import httpx
import pytest

import inngest
from inngest_core.runtime.transport import Transport
from inngest_core.web.messages import HTTPRequest, HTTPResponse, TransportError
from tests.stage.engine_api import EngineDouble

Fetch = Callable[[HTTPRequest], HTTPResponse]


@contextmanager
def fetching(how: str) -> Generator[Fetch]:
    """Give one way to fetch, and close what it opened."""
    transport = Transport()
    try:
        yield transport.fetch if how == "sync" else lambda request: asyncio.run(transport.fetch_async(request))
    finally:
        transport.close()


BOTH = pytest.mark.parametrize("how", ["sync", "async"])


def get(url: str, *, timeout: float = 20.0) -> HTTPRequest:
    return HTTPRequest("GET", url, {}, timeout=timeout)


@pytest.fixture
def answering(engine: EngineDouble) -> EngineDouble:
    engine.reset({"GET /x": [(200, {"ok": True})], "POST /x": [(418, {"ok": False})]})
    return engine


@BOTH
def test_an_exchange(how: str, answering: EngineDouble) -> None:
    with fetching(how) as fetch:
        response = fetch(HTTPRequest("POST", f"{answering.origin}/x?a=1&a=%20", {"x-one": "1"}, b"\x00\xff"))
    assert (response.status, response.body) == (418, b'{"ok": false}')
    assert response.headers["content-type"] == "application/json"
    [asked] = answering.requests
    assert (asked.method, asked.path, asked.body) == ("POST", "/x?a=1&a=%20", b"\x00\xff")
    assert asked.headers["x-one"] == "1"


def test_threads_share_connections(answering: EngineDouble) -> None:
    with fetching("sync") as fetch:
        for _ in range(5):
            assert fetch(get(f"{answering.origin}/x")).status == 200
    assert (len(answering.requests), answering.connections) == (5, 1)


def test_one_loop_shares_connections(answering: EngineDouble) -> None:
    transport = Transport()

    async def main() -> None:
        for _ in range(5):
            assert (await transport.fetch_async(get(f"{answering.origin}/x"))).status == 200
        await transport.close_async()

    asyncio.run(main())
    assert (len(answering.requests), answering.connections) == (5, 1)


@pytest.mark.filterwarnings("error")
def test_a_client_that_was_closed_has_no_open_connections(answering: EngineDouble) -> None:
    answering.reset({"POST /e/key": [(200, {"ids": ["1"], "status": 200})]})

    async def main() -> set[asyncio.Task[object]]:
        client = inngest.Inngest(
            app_id="app", is_production=False, event_key="key", event_api_base_url=answering.origin
        )
        async with client:
            await asyncio.gather(*(client.send(inngest.Event(name="x/y")) for _ in range(20)))
            await asyncio.gather(client.close_async(), client.close_async())
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(main()) == set()
    gc.collect()


def test_a_client_that_is_never_closed_is_closed_when_python_ends(answering: EngineDouble) -> None:
    answering.reset({"POST /e/key": [(200, {"ids": ["1"], "status": 200})]})
    program = (
        "import inngest, sys\n"
        "client = inngest.Inngest(app_id='app', is_production=False, event_key='key',"
        " event_api_base_url=sys.argv[1])\n"
        "client.send_sync(inngest.Event(name='x'))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program, answering.origin], capture_output=True, text=True, timeout=150
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_many_at_once_on_one_loop(answering: EngineDouble) -> None:
    transport = Transport()

    async def main() -> list[HTTPResponse]:
        return await asyncio.gather(*(transport.fetch_async(get(f"{answering.origin}/x")) for _ in range(50)))

    assert [response.status for response in asyncio.run(main())] == [200] * 50


@pytest.mark.filterwarnings("error")
def test_short_lived_loops_leave_nothing_open(answering: EngineDouble) -> None:
    transport = Transport()
    for _ in range(10):
        asyncio.run(transport.fetch_async(get(f"{answering.origin}/x")))
        gc.collect()
    assert answering.connections == 10
    answering.until_nobody_is_connected()


def test_a_loop_that_has_ended_is_not_kept(answering: EngineDouble) -> None:
    transport = Transport()
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def ask() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await transport.fetch_async(get(f"{answering.origin}/x"))

    for _ in range(3):
        asyncio.run(ask())
    gc.collect()
    assert [each() for each in loops] == [None] * 3


def test_loops_in_threads_have_clients_of_their_own(answering: EngineDouble) -> None:
    transport = Transport()
    statuses: list[int] = []

    def run() -> None:
        statuses.append(asyncio.run(transport.fetch_async(get(f"{answering.origin}/x"))).status)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8


def test_events_sent_from_short_lived_loops(answering: EngineDouble) -> None:
    answering.reset({"POST /e/key": [(200, {"ids": ["1"], "status": 200})]})
    with inngest.Inngest(
        app_id="app", is_production=False, event_key="key", event_api_base_url=answering.origin
    ) as client:
        for _ in range(3):
            assert asyncio.run(client.send(inngest.Event(name="x/y"))) == ["1"]
            assert client.send_sync(inngest.Event(name="x/y")) == ["1"]
    gc.collect()
    assert len(answering.requests) == 6


def test_closing_on_one_thread_closes_what_a_running_loop_uses_too(answering: EngineDouble) -> None:
    """`with client:` in a thread that is not the loop's: nothing may stay open until the loop ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    transport = Transport()
    try:
        asked = asyncio.run_coroutine_threadsafe(transport.fetch_async(get(f"{answering.origin}/x")), loop)
        assert asked.result(20).status == 200
        transport.close()
        answering.until_nobody_is_connected()
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@BOTH
def test_a_closed_transport_opens_again(how: str, answering: EngineDouble) -> None:
    with fetching(how) as fetch:
        assert fetch(get(f"{answering.origin}/x")).status == 200
    transport = Transport()
    transport.close()
    transport.close()
    assert transport.fetch(get(f"{answering.origin}/x")).status == 200
    transport.close()


def test_what_was_closed_is_not_kept(answering: EngineDouble) -> None:
    transport = Transport()
    before = http_clients()  # kept, so that none of other tests ends meanwhile

    def made() -> int:
        return sum(all(each is not other for other in before) for each in http_clients())

    for _ in range(3):
        transport.close()
        transport.fetch(get(f"{answering.origin}/x"))
    assert made() == 1
    transport.close()
    assert made() == 0


def http_clients() -> list[object]:
    """Return those of this process."""
    gc.collect()
    return [each for each in gc.get_objects() if issubclass(type(each), httpx.Client)]


# Proxies and forks


@BOTH
def test_a_proxy_of_the_environment_is_used(how: str, answering: EngineDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", answering.origin.replace("://", "://user:word@"))
    monkeypatch.setenv("no_proxy", "direct.invalid")
    answering.reset({"GET http://engine.invalid/x": [(200, {"by": "the proxy"})]})
    with fetching(how) as fetch:
        assert fetch(get("http://engine.invalid/x")).body == b'{"by": "the proxy"}'
        with pytest.raises(TransportError, match="ConnectError"):
            fetch(get("http://direct.invalid/x"))
    [asked] = answering.requests
    assert asked.headers["host"] == "engine.invalid"
    assert asked.headers["proxy-authorization"] == "Basic dXNlcjp3b3Jk"


@BOTH
def test_a_host_with_several_addresses(how: str, answering: EngineDouble) -> None:
    """`localhost` is ::1, too, on most machines, and nobody listens there."""
    with fetching(how) as fetch:
        assert fetch(get(answering.origin.replace("127.0.0.1", "localhost") + "/x")).status == 200


def test_a_client_that_is_dropped_leaves_no_hook_for_forks_behind() -> None:
    program = (
        "import os, inngest\n"
        "hooks = []\n"
        "os.register_at_fork = lambda **given: hooks.append(given)\n"
        "for _ in range(3):\n"
        "    inngest.Inngest(app_id='app', is_production=False)\n"
        "assert not hooks, hooks\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=150)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_repr_hides_the_path_and_the_headers() -> None:
    secret = HTTPRequest("POST", "https://inn.gs/e/s3cret?x=s3cret", {"authorization": "Bearer s3cret"}, b"s3cret")
    assert repr(secret) == "HTTPRequest('POST', 'https://inn.gs', body=6 bytes, timeout=30)"
