"""The two stages of the scenarios: an engine whose time is moved by hand, and one on real sockets in real time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx

from inngest_core.web.asgi import Receive, Scope, Send, read_request
from inngest_devserver.engine import Options
from inngest_devserver.scheduling.clock import Clock, SystemClock
from inngest_devserver.server import DevServer
from tests.stage.servers import by_uvicorn
from tests.stage.sockets import NO_TLS

from .harness import APP_URL, Called, FakeApp, Lab, Script, lab
from .scenarios import Stage

_LATE_SECONDS = 60.0
"""How late something may be in real time: other processes may need the processors."""
_EARLY_SECONDS = 0.1


class _CommonStage(Stage):
    """What the stages share. name: of the scenario, which has an app of its own."""

    def __init__(self, name: str, app: FakeApp, url: str, clock: Clock) -> None:
        self._name = name
        self._app = app
        self._url = url
        self._clock = clock
        self._began = clock.now()
        self._configs: list[dict[str, Any]] = []

    async def serve(self, function: str, script: Script, **config: Any) -> None:
        slug = f"{self._name}-{function}"
        runtime = {"type": "http", "url": f"{self._url}?fnId={slug}&stepId=step"}
        step = {"id": "step", "name": "step", "runtime": runtime}
        triggers = [{"event": self.event(function)}]
        config = {"id": slug, "name": function, "triggers": triggers, "steps": {"step": step}, **config}
        self._app.scripts[slug] = script
        self._configs.append(config)
        await self._ask("POST", "/fn/register", {"appName": self._name, "url": self._url, "functions": self._configs})

    def served(self) -> int:
        return len(self._configs)

    def event(self, name: str) -> str:
        return f"{self._name}/{name}"

    async def send_together(self, event: str, *data: dict[str, Any]) -> list[str]:
        answer = await self._ask("POST", "/e/key", [{"name": self.event(event), "data": each} for each in data])
        return cast("list[str]", answer["ids"])

    async def runs(self, event: str) -> list[dict[str, Any]]:
        answer = await self._ask("GET", f"/v1/events/{event}/runs", None)
        return cast("list[dict[str, Any]]", answer["data"])

    def calls(self, function: str) -> list[tuple[float, Called]]:
        return [
            (call.time - self._began, call) for call in self._app.calls if call.function == f"{self._name}-{function}"
        ]

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        raise NotImplementedError


class FakeStage(_CommonStage):
    """A month takes as long as its calls."""

    unit, period, cron, year = 86_400.0, 3_600.0, ("0 3 * * *", 365), 365 * 86_400.0

    def __init__(self, name: str, it: Lab) -> None:
        super().__init__(name, it.app, APP_URL, it.clock)
        self._lab = it

    async def at(self, seconds: float) -> None:
        await self._lab.time.move_to(self._began + seconds)

    async def called(self, function: str, times: int) -> None:
        await self._lab.time.settle()
        assert len(self.calls(function)) == times

    async def work(self, seconds: float) -> None:
        await self._lab.time.sleep(seconds)

    async def ended(self, event: str) -> dict[str, Any]:
        def is_over() -> bool:
            runs = self._lab.runs(event)
            return bool(runs) and all(run["ended_at"] for run in runs)

        assert await self._lab.time.run_until(is_over), f"the run of event {event} does not end"
        (run,) = self._lab.runs(event)
        return run

    def is_at(self, actual: float, expected: float) -> bool:
        return abs(actual - expected) < 0.001

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = self._lab.request(method, path, body)
        assert answer.status == 200, answer.body
        return answer.body


@contextlib.asynccontextmanager
async def fake_stage(name: str) -> AsyncGenerator[Stage]:
    async with lab() as it:
        yield FakeStage(name, it)


class ShiftedClock(SystemClock):
    """Real time, from another moment on: two seconds before a full minute, so that a cron need not be waited for."""

    def __init__(self) -> None:
        self._shift = 58.0 - super().now() % 60

    def now(self) -> float:
        return super().now() + self._shift


class RealStage(_CommonStage):
    """Everything is short, and takes its time."""

    unit, period, cron, year = 0.1, 1.0, ("* * * * *", 1), 4.0

    def __init__(self, name: str, app: FakeApp, url: str, clock: Clock, http: httpx.AsyncClient) -> None:
        super().__init__(name, app, url, clock)
        self._http = http

    async def at(self, seconds: float) -> None:
        while self._clock.now() < self._began + seconds:
            await self._clock.wait(asyncio.Event(), self._began + seconds)

    async def called(self, function: str, times: int) -> None:
        while len(self.calls(function)) < times:
            await self._clock.wait(asyncio.Event(), self._clock.now() + 0.02)

    async def work(self, seconds: float) -> None:
        until = self._clock.now() + seconds
        while self._clock.now() < until:
            await self._clock.wait(asyncio.Event(), until)

    async def ended(self, event: str) -> dict[str, Any]:
        while True:
            runs = await self.runs(event)
            if runs and all(run["ended_at"] for run in runs):
                (run,) = runs
                return run
            await self._clock.wait(asyncio.Event(), self._clock.now() + 0.05)

    def is_at(self, actual: float, expected: float) -> bool:
        return expected - _EARLY_SECONDS <= actual <= expected + _LATE_SECONDS

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = await self._http.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextlib.asynccontextmanager
async def real_stages(names: list[str]) -> AsyncGenerator[list[Stage]]:
    """Run one engine and one app, each on a socket; yield a stage for each of the names."""
    clock = ShiftedClock()
    app = FakeApp(clock, asyncio.Event())
    options = Options(clock=clock, sink=None)
    async with DevServer(options, port=0) as server:
        with by_uvicorn(_served(app), lifespan="off") as port:
            url = f"http://127.0.0.1:{port}/api/inngest"
            client = httpx.AsyncClient(base_url=server.origin, verify=NO_TLS, trust_env=False, timeout=30)
            async with client as http:
                yield [RealStage(name, app, url, clock, http) for name in names]


def _served(app: FakeApp) -> Any:
    """Return the scripted app as an ASGI application."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive, 2**24)
        answer = await app.handle_async_request(
            httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body)
        )
        content = await answer.aread()
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return serve
