"""What checkpointing costs: a replay with it and without, and fifty saves of a call against fifty plain requests.

The engine is a process of its own that answers every request at once, so all that is measured is the SDK's.
"""

from __future__ import annotations

import asyncio
import functools
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

import inngest
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response

from . import requests
from .measure import Effort, Row, best, compared, interleave

REPLAYED = 100
REPLAY_LIMIT = 1.1
SAVES = 50
SAVES_LIMIT = 1.2
_CALLS = 20
_SAVE = b'{"run_id":"01M81HK3A7NTSN8T6YV2V47VV1","fn_id":"bench","qi_id":"job","ts":1,"steps":[%s]}'
_STEP = b'{"id":"0a4f7e3c2f0c6b6f8f0a","op":"StepRun","name":"step 1","displayName":"step 1","data":1}'
_ENGINE = """
import asyncio

class Answers(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""

    def data_received(self, data):
        self.data += data
        head, found, body = self.data.partition(b"\\r\\n\\r\\n")
        if found and len(body) >= int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0]):
            self.data = b""
            self.transport.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}")

async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def rows(effort: Effort) -> Iterator[Row]:
    with subprocess.Popen([sys.executable, "-c", _ENGINE], stdout=subprocess.PIPE, text=True) as engine:
        try:
            found = re.match(r"port (\d+)", engine.stdout.readline() if engine.stdout is not None else "")
            if found is None:
                raise RuntimeError("the engine did not start")
            yield from _rows(f"http://127.0.0.1:{found[1]}", effort)
        finally:
            engine.kill()


def _rows(origin: str, effort: Effort) -> Iterator[Row]:
    with asyncio.Runner() as runner:
        step_ids = [f"step {number}" for number in range(REPLAYED)]
        body = requests.replay_body(step_ids, step_ids)
        saving, plain = _app(origin, is_saving=True), _app(origin, is_saving=False)
        replayed, reference = interleave(
            functools.partial(_call_seconds, runner, saving, "replay", body, b"100"),
            functools.partial(_call_seconds, runner, plain, "replay", body, b"100"),
            rounds=effort.rounds,
        )
        what = f"replay of {REPLAYED} steps, async def, with checkpointing, against without"
        yield compared(what, best(replayed), best(reference), REPLAY_LIMIT)

        new = requests.small_body()
        saved, call, requested = interleave(
            functools.partial(_call_seconds, runner, saving, "saves", new, b"1225", 1),
            functools.partial(_call_seconds, runner, saving, "nothing", new, b"0"),
            lambda: runner.run(_requests_seconds(origin)),
            rounds=effort.long_rounds,
        )
        what = f"{SAVES} steps that are saved, async def, against {SAVES} requests of httpx and a call"
        yield compared(what, best(saved), best(requested) + best(call), SAVES_LIMIT)
        runner.run(saving.client.close_async())
        runner.run(plain.client.close_async())


def _call_seconds(
    runner: asyncio.Runner, app: App, function: str, body: bytes, expected: bytes, count: int = _CALLS
) -> float:
    post = requests.call(function, body)
    request = Request("POST", f"http://127.0.0.1:8000{post.path}", post.headers, post.body)
    started = time.perf_counter()
    response: Response = runner.run(_several(app, request, count))
    seconds = (time.perf_counter() - started) / count
    if expected not in response.content:
        raise RuntimeError(f"{function} answered {response.status}: {response.content[:300].decode(errors='replace')}")
    return seconds


async def _several(app: App, request: Request, count: int) -> Response:
    for _ in range(count - 1):
        await app.handle_async(request)
    return await app.handle_async(request)


async def _requests_seconds(origin: str) -> float:
    """Return the seconds that as many requests take that hold what a save holds, over one connection."""
    async with httpx.AsyncClient() as http:
        await http.post(origin, content=b"{}")
        started = time.perf_counter()
        for _ in range(SAVES):
            response = await http.post(
                f"{origin}/v1/checkpoint/run/async",
                content=_SAVE % _STEP,
                headers={"content-type": "application/json", "authorization": "Bearer signkey-test-0"},
            )
            response.json()
        return time.perf_counter() - started


def _app(origin: str, *, is_saving: bool) -> App:
    client = inngest.Inngest(
        app_id=requests.APP_ID,
        is_production=True,
        signing_key=requests.SIGNING_KEY,
        event_key="bench",
        api_base_url=origin,
        checkpointing=is_saving,
    )
    trigger = inngest.TriggerEvent(event="bench/happened")

    @client.create_function(fn_id="replay", trigger=trigger)
    async def replay(ctx: inngest.Context, step: inngest.Step) -> int:
        total = 0
        for number in range(REPLAYED):
            total += (await step.run(f"step {number}", _never))["number"] >= 0
        return total

    @client.create_function(fn_id="saves", trigger=trigger)
    async def saves(ctx: inngest.Context, step: inngest.Step) -> int:
        total = 0
        for number in range(SAVES):
            total += await step.run(f"step {number}", _number, number)
        return total

    @client.create_function(fn_id="nothing", trigger=trigger)
    async def nothing(ctx: inngest.Context) -> int:
        return 0

    functions: list[inngest.Function[Any]] = [replay, saves, nothing]
    return App(client, functions, framework="bench")


async def _never() -> dict[str, int]:
    raise AssertionError("a memoized step ran")


async def _number(number: int) -> int:
    return number
