"""An engine under test: a scripted app that answers call requests, a clock that is moved by hand, the API by hand.

The app stands where the network would be, so nothing here opens a socket or waits for real time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from inngest_core.protocol.signing import SigningKey, sign
from inngest_core.protocol.wire import hash_id
from inngest_core.web.messages import Request, Response
from inngest_devserver.engine import Engine, Options
from inngest_devserver.http.api import API
from inngest_devserver.scheduling.clock import Clock, ManualClock
from inngest_devserver.scheduling.virtual_time import VirtualTime

from .in_process import ask, at_once

APP_URL = "http://app.test/api/inngest"
PATIENCE_SECONDS = 60.0
SDK_HEADERS = {"x-inngest-sdk": "inngest-py:v0.1.0", "x-inngest-req-version": "2"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the scripted app answers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    sdk: bool = True
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """One call request that the app got."""

    function: str
    step: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    raw: bytes
    time: float

    @property
    def ctx(self) -> dict[str, Any]:
        ctx: dict[str, Any] = self.body["ctx"]
        return ctx

    @property
    def steps(self) -> dict[str, Any]:
        steps: dict[str, Any] = self.body["steps"]
        return steps

    @property
    def stack(self) -> list[str]:
        stack: list[str] = self.ctx["stack"]["stack"]
        return stack

    def has(self, step: str) -> bool:
        return hash_id(step) in self.steps

    def targets(self, step: str) -> bool:
        return self.step == hash_id(step)

    def memo(self, step: str) -> Any:
        return self.steps[hash_id(step)]


Script = Callable[[Called], Reply | Awaitable[Reply]]


def ops(*items: Mapping[str, Any], **headers: str) -> Reply:
    return Reply(206, list(items), {name.replace("_", "-"): value for name, value in headers.items()})


def returned(value: Any) -> Reply:
    return Reply(200, value)


def raised(message: str, *, name: str = "Error", **headers: str) -> Reply:
    spelled = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply(500, {"name": name, "message": message, "stack": "st"}, spelled)


def op(kind: str, step: str, **fields: Any) -> dict[str, Any]:
    return {"op": kind, "id": hash_id(step), "name": step, "displayName": step, **fields}


def ran(step: str, data: Any = None) -> dict[str, Any]:
    return op("StepRun", step, data=data)


def planned(step: str, *, race: bool = False) -> dict[str, Any]:
    return op("StepPlanned", step, **({"opts": {"parallelMode": "race"}} if race else {}))


class FakeApp(httpx.AsyncBaseTransport):
    """Answers call requests by script; `down` refuses connections. key: signs the answers, if there is one."""

    def __init__(self, clock: Clock, news: asyncio.Event) -> None:
        self.scripts: dict[str, Script] = {}
        self.calls: list[Called] = []
        self.down = False
        self.refused = 0
        """Connections that were refused while it was down."""
        self.key: SigningKey | None = None
        self._clock = clock
        self._news = news

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            self.refused += 1
            raise httpx.ConnectError("connection refused")
        called = self._called(request)
        self.calls.append(called)
        self._news.set()
        reply = self.scripts[called.function](called)
        if not isinstance(reply, Reply):
            reply = await reply
        content = json.dumps(reply.body).encode() if reply.raw is None else reply.raw
        signed = {"x-inngest-signature": sign(content, self.key, now=self._clock.now())} if self.key else {}
        headers = {**(SDK_HEADERS if reply.sdk else {}), **signed, **reply.headers}
        return httpx.Response(reply.status, headers=headers, content=content)

    def _called(self, request: httpx.Request) -> Called:
        query = parse_qs(urlsplit(str(request.url)).query)
        raw = request.content
        return Called(
            query["fnId"][0], query["stepId"][0], json.loads(raw), dict(request.headers), raw, self._clock.now()
        )

    def of(self, function: str) -> list[Called]:
        return [call for call in self.calls if call.function == f"app-{function}"]


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    body: Any


class Lab:
    """One engine, its scripted app and its clock."""

    def __init__(self, clock: ManualClock, **options: Any) -> None:
        self._news = asyncio.Event()
        self.clock = clock
        self.app = FakeApp(clock, self._news)
        self.app.key = SigningKey(options["signing_key"]) if "signing_key" in options else None
        self.lines: list[str] = []
        self.on_line: Callable[[str], object] = len
        self.bearer = ""
        """What every request shows, unless it says otherwise."""
        self.engine = Engine(Options(clock=clock, transport=self.app, sink=self._heard, **options))
        self.time = VirtualTime(self.engine.scheduler, clock)
        self._api = API(self.engine)
        self._configs: dict[str, dict[str, Any]] = {}

    def _heard(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()
        self.on_line(line)

    def request(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> Answered:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        shown = {"authorization": f"Bearer {self.bearer}"} if self.bearer else {}
        spelled = (
            {"host": "127.0.0.1:8288"} | shown | {name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = at_once(ask(self._api, Request(method, f"http://127.0.0.1:8288{path}", spelled, content)))
        return self.read(response)

    def read(self, response: Response) -> Answered:
        assert isinstance(response.body, bytes)
        return Answered(response.status, json.loads(response.body) if response.body else None)

    def serve(self, name: str, script: Script, *, event: str | None = None, retries: int = 4, **config: Any) -> None:
        """Register one more function of the app."""
        self.app.scripts[f"app-{name}"] = script
        self._configs[name] = {
            "id": f"app-{name}",
            "name": name,
            "triggers": [{"event": event or f"t/{name}"}],
            "steps": {
                "step": {
                    "id": "step",
                    "name": "step",
                    "runtime": {"type": "http", "url": f"{APP_URL}?fnId=app-{name}&stepId=step"},
                    "retries": {"attempts": retries},
                }
            },
            **config,
        }
        self.register()

    def register(self) -> None:
        body = {"appName": "app", "url": APP_URL, "functions": list(self._configs.values())}
        answer = self.request("POST", "/fn/register", body)
        assert answer.status == 200, answer.body

    def send(self, name: str, data: Any = None, **fields: Any) -> str:
        """Send an event; return its id."""
        answer = self.request("POST", "/e/key", {"name": name, "data": data or {}, **fields})
        assert answer.status == 200, answer.body
        event_id: str = answer.body["ids"][0]
        return event_id

    def runs(self, event_id: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self.request("GET", f"/v1/events/{event_id}/runs").body["data"]
        return runs

    async def until(self, condition: Callable[[], object], what: str = "condition") -> None:
        """Wait for something that the engine says a line about, or that the app is asked."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def ended(self, event_id: str, *, count: int = 1) -> dict[str, Any]:
        """Return the (first) run of an event once all are over."""
        await self.until(lambda: self._all_ended(event_id, count), f"runs of {event_id}")
        return self.runs(event_id)[0]

    def _all_ended(self, event_id: str, count: int) -> bool:
        runs = self.runs(event_id)
        return len(runs) >= count and all(run["ended_at"] for run in runs)

    async def said(self, text: str) -> None:
        """Wait for a line with *text* in it."""
        await self.until(lambda: any(text in line for line in self.lines), text)

    async def called(self, count: int) -> None:
        """Wait until the app has got so many call requests."""
        await self.until(lambda: len(self.app.calls) >= count)

    async def run_signed(self, event: str, key: str) -> dict[str, Any]:
        """As `run`, with an engine that asks for its signing key."""
        event_id = self.send(event)
        await self.until(lambda: any("run completed" in line for line in self.lines))
        answer = self.request("GET", f"/v1/events/{event_id}/runs", authorization=f"Bearer {key}")
        run: dict[str, Any] = answer.body["data"][0]
        return run

    async def run(self, event: str, data: Any = None) -> dict[str, Any]:
        """Send an event and return its run once it is over."""
        return await self.ended(self.send(event, data))


async def left_asleep(path: Path) -> str:
    """Have an engine begin a run that sleeps for an hour, and stop it; return the id of the event."""
    async with lab(persist=path) as it:
        it.serve("f", lambda call: ops({**op("Sleep", "nap"), "name": "1h"}))
        event_id = it.send("t/f")
        await it.said("sleeps for")
        return event_id


@contextlib.asynccontextmanager
async def lab(**options: Any) -> AsyncGenerator[Lab]:
    it = Lab(ManualClock(), **options)
    it.engine.start()
    try:
        yield it
    finally:
        await it.engine.stop()
