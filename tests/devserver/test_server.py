"""The dev server on real sockets: starting, stopping, registration of an app that comes up late, redirects."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from inngest_devserver.engine import Options
from inngest_devserver.scheduling.clock import ManualClock
from inngest_devserver.server import DevServer
from tests.stage.servers import free_port

from .live_app import LiveApp, serving

PATIENCE_SECONDS = 60.0


class Lines:
    """Collects the lines of an engine; lets a test wait for one, on the engine's own loop."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()

    async def said(self, text: str) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for line in self.lines:
                    if text in line:
                        return line
                self._news.clear()
                await self._news.wait()


async def _send(client: httpx.AsyncClient, **event: Any) -> str:
    answer = await client.post("/e/key", json={"name": "t/f", "data": {}, **event})
    event_id: str = answer.json()["ids"][0]
    return event_id


async def _runs(client: httpx.AsyncClient, event_id: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = (await client.get(f"/v1/events/{event_id}/runs")).json()["data"]
    return runs


def test_an_app_registers_and_its_function_runs() -> None:
    async def main() -> None:
        lines = Lines()
        async with (
            DevServer(Options(sink=lines), port=0) as server,
            httpx.AsyncClient(base_url=server.origin, timeout=60) as client,
            serving(LiveApp(server.origin)) as app,
        ):
            await server.register(app.url)
            assert 'app "app" registered 1 function at' in "\n".join(lines.lines)
            event_id = await _send(client, data={"x": 1})
            await lines.said("run completed")
            runs = await _runs(client, event_id)
            assert [(run["status"], run["output"]) for run in runs] == [("Completed", {"answered": "app-f"})]
            assert app.bodies[0]["event"]["data"] == {"x": 1}

    asyncio.run(main())


def test_registration_waits_for_an_app_that_is_not_up_yet() -> None:
    async def main() -> None:
        lines = Lines()
        port = free_port()
        async with DevServer(Options(sink=lines), port=0) as server:
            app = LiveApp(server.origin)
            app.refusals = 1
            registering = server.register(f"http://127.0.0.1:{port}/api/inngest")
            await lines.said("waiting for an app at")
            async with serving(app, port):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await registering
                assert "could not register (500): not yet" in await lines.said("could not register")
                assert len([line for line in lines.lines if "waiting for" in line]) == 1

    asyncio.run(main())


def test_runs_go_on_when_the_app_comes_back() -> None:
    async def main() -> None:
        lines = Lines()
        port = free_port()
        async with (
            DevServer(Options(sink=lines, retry_interval=0.01), port=0) as server,
            httpx.AsyncClient(base_url=server.origin, timeout=60) as client,
        ):
            app = LiveApp(server.origin)
            async with serving(app, port):
                await server.register(app.url)
            event_id = await _send(client)
            await lines.said("Unable to reach SDK URL")
            async with serving(app, port):
                await lines.said("run completed")
                assert (await _runs(client, event_id))[0]["status"] == "Completed"

    asyncio.run(main())


def test_redirects_are_followed_with_body_and_query() -> None:
    async def main() -> None:
        lines = Lines()
        async with (
            DevServer(Options(sink=lines), port=0) as server,
            httpx.AsyncClient(base_url=server.origin, timeout=60) as client,
            serving(LiveApp(server.origin)) as app,
        ):
            await server.register(app.url)
            app.redirect_from = "/old"
            url = f"{app.origin}/old?fnId=app-moved&stepId=step"
            function = {
                "id": "app-moved",
                "name": "moved",
                "triggers": [{"event": "t/f"}],
                "steps": {"step": {"id": "step", "name": "step", "runtime": {"type": "http", "url": url}}},
            }
            await client.post("/fn/register", json={"appName": "app", "url": url, "functions": [function]})
            event_id = await _send(client)
            await lines.said("run completed")
            assert (await _runs(client, event_id))[0]["output"] == {"answered": "app-moved"}

    asyncio.run(main())


def test_http_refusals_on_the_socket() -> None:
    async def main() -> None:
        async with (
            DevServer(Options(sink=None), port=0) as server,
            httpx.AsyncClient(base_url=server.origin, timeout=60) as client,
        ):
            large = await client.post("/e/key", content=b" " * (16 * 1024 * 1024 + 1))
            assert (large.status_code, large.json()["status"]) == (413, 413)
            unknown = await client.get("/%2e%2e/x?y=%zz")
            assert (unknown.status_code, unknown.json()["status"]) == (404, 404)
            evil = await client.get("/dev", headers={"host": "evil.example"})
            assert evil.status_code == 403
            health = await client.get("/health")
            assert health.headers["content-type"] == "application/json"
            assert health.headers["x-inngest-server-kind"] == "dev"
            assert "access-control-allow-origin" not in health.headers

    asyncio.run(main())


def test_the_port_is_free_again_and_a_taken_one_is_refused() -> None:
    async def main() -> None:
        async with DevServer(Options(sink=None), port=0) as first:
            port = first.port
            assert first.origin == f"http://127.0.0.1:{port}"
            with pytest.raises(OSError, match="in use"):
                await DevServer(Options(sink=None), port=port).start()
        async with DevServer(Options(sink=None), port=port) as second:
            assert second.port == port

    asyncio.run(main())


def test_stopping_ends_a_call_that_is_under_way() -> None:
    async def main() -> None:
        called, hung_up = asyncio.Event(), asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            called.set()
            await reader.read()
            hung_up.set()
            writer.close()

        silent = await asyncio.start_server(hang, "127.0.0.1", 0)
        async with silent:
            url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/api?fnId=app-f&stepId=step"
            step = {"id": "step", "name": "step", "runtime": {"type": "http", "url": url}}
            function = {"id": "app-f", "name": "f", "triggers": [{"event": "t/f"}], "steps": {"step": step}}
            async with (
                DevServer(Options(sink=None), port=0) as server,
                httpx.AsyncClient(base_url=server.origin, timeout=60) as client,
            ):
                await client.post("/fn/register", json={"appName": "app", "url": url, "functions": [function]})
                await _send(client)
                await called.wait()
                assert not hung_up.is_set()
            await hung_up.wait()

    asyncio.run(asyncio.wait_for(main(), PATIENCE_SECONDS))


def test_from_a_program_without_a_loop() -> None:
    with DevServer(Options(sink=None), port=0) as server:
        assert httpx.get(f"{server.origin}/health", timeout=60).status_code == 200
        origin = server.origin
        with socket.create_server(("127.0.0.1", 0)) as nobody, pytest.raises(TimeoutError):
            server.register_and_wait(f"http://127.0.0.1:{nobody.getsockname()[1]}/x", seconds=0.2)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{origin}/health", timeout=60)


def test_a_port_that_is_taken_is_told_to_the_thread_that_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), DevServer(Options(sink=None), port=port):
            pass


def test_a_function_that_a_reloading_app_adds_appears() -> None:
    async def main() -> None:
        lines, clock = Lines(), ManualClock()
        async with (
            DevServer(Options(sink=lines, clock=clock), port=0) as server,
            serving(LiveApp(server.origin)) as app,
        ):
            await server.register(app.url)
            server.poll(app.url)
            await asyncio.sleep(0)
            httpx_client = httpx.AsyncClient(base_url=server.origin, timeout=60)
            async with httpx_client as client:
                assert (await client.delete(f"/fn/remove?url={app.url}")).status_code == 200
                assert server.engine.registry.functions() == []
                clock.advance(5)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not server.engine.registry.functions():
                        await client.get("/health")

    asyncio.run(main())


def test_head_is_answered_as_get_without_the_body() -> None:
    with DevServer(Options(sink=None), port=0) as server, httpx.Client(base_url=server.origin, timeout=60) as client:
        for path in ("/health", "/", "/runs", "/api/v2/runs"):
            asked, whole = client.head(path), client.get(path)
            assert (asked.status_code, asked.content) == (whole.status_code, b"")
            names = ("content-type", "content-length", "location")
            assert [asked.headers.get(name) for name in names] == [whole.headers.get(name) for name in names]
        assert client.head("/e/key").status_code == 405
