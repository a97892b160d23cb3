"""What workers and engines say of one another: status frames, functions not taken, an extra that is missing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from dataclasses import replace

import httpx
import pytest

import inngest
from inngest.connect import connect
from inngest_connect.codec import dump, parse
from inngest_connect.messages import AppConfiguration, ConnectionReady, Frame, Kind, WorkerStatus
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer

from .gateway import PATIENCE_SECONDS, Connected, Gateway, request
from .loops import on_a_loop
from .scripted_worker import introduction, scripted_worker

pytestmark = pytest.mark.live

TELLING = ConnectionReady(heartbeat_interval="10s", extend_lease_interval="30s", status_interval="20ms")
REFUSED = "the engine did not take the functions of this worker: "


async def expect_logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while text not in caplog.text:
            await asyncio.sleep(0.01)


async def expect_status(connection: Connected, ids: tuple[str, ...], *, shutdown: bool = False) -> None:
    """Read status frames until one says this."""
    wanted = WorkerStatus(in_flight_request_ids=ids, shutdown_requested=shutdown)
    while (frame := await connection.next()) is not None:
        if frame[0] is Kind.WORKER_STATUS and parse(WorkerStatus, frame[1]) == wanted:
            return
    raise AssertionError("the connection is closed")


@on_a_loop
async def test_status_frames_say_what_is_in_flight_and_whether_the_worker_shuts_down() -> None:
    release = asyncio.Event()
    async with Gateway(ready=TELLING).open() as gateway:
        with inngest.Inngest(app_id="shop", api_base_url=gateway.origin, is_production=False) as client:

            @client.create_function(fn_id="wait", trigger=inngest.TriggerEvent(event="go"))
            async def wait(ctx: inngest.Context) -> None:
                await release.wait()

            worker = connect([(client, [wait])])
            task = asyncio.create_task(worker.start())
            connection = await gateway.worker()
            await expect_status(connection, ())
            await connection.ask(request("wait"))
            await expect_status(connection, ("request-1",))
            worker.close_soon()
            await expect_status(connection, ("request-1",), shutdown=True)
            release.set()
            while (frame := await connection.next()) is not None and frame[0] is not Kind.WORKER_REPLY:
                pass
            await connection.take_reply(frame)
            await task


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((b"shop-go: the cron cannot be read", "closed"), "shop-go: the cron cannot be read"),
        ((b"", "shop-go: the cron cannot be read"), "shop-go: the cron cannot be read"),
        ((b"", ""), "it gave no reason"),
    ],
)
@on_a_loop
async def test_a_worker_says_why_its_functions_are_not_taken(
    refusal: tuple[bytes, str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Gateway(refusal=refusal).open() as gateway:
        with inngest.Inngest(app_id="shop", api_base_url=gateway.origin, is_production=False) as client:
            worker = connect([(client, [])])
            task = asyncio.create_task(worker.start())
            await expect_logged(caplog, REFUSED + said)
            gateway.refusal = None
            await gateway.worker()  # it goes on trying
            worker.close_soon()
            await task


@on_a_loop
async def test_functions_that_are_not_taken_later_are_explained_too(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway().open() as gateway:
        with inngest.Inngest(app_id="shop", api_base_url=gateway.origin, is_production=False) as client:
            worker = connect([(client, [])])
            task = asyncio.create_task(worker.start())
            connection = await gateway.worker()
            failed = Frame(kind=Kind.SYNC_FAILED, payload=b"the plan allows 50 functions")
            await connection.socket.send(dump(failed))
            await expect_logged(caplog, f"{REFUSED}the plan allows 50 functions")
            worker.close_soon()
            await task


@on_a_loop
async def test_the_bundled_engine_says_which_function_it_does_not_take() -> None:
    with DevServer(Options(sink=None), port=0) as server:
        async with scripted_worker(server.origin, introduced=False) as worker:
            await worker.expect(Kind.GATEWAY_HELLO)
            app = AppConfiguration(app_name="shop", functions=b'[{"id": "shop-go", "triggers": [{"cron": "soon"}]}]')
            await worker.send(Kind.WORKER_CONNECT, replace(introduction(worker.started), apps=(app,)))
            await worker.expect(Kind.SYNC_FAILED)
            assert "shop-go" in await worker.refusal()


WITHOUT_THE_EXTRA = textwrap.dedent(
    """
    import sys

    for name in ("google", "google.protobuf", "websockets", "wsproto"):
        sys.modules[name] = None  # as if it were not installed

    from inngest_devserver.engine import Options
    from inngest_devserver.server import DevServer

    with DevServer(Options(sink=None), port=0) as server:
        print(server.origin, flush=True)
        sys.stdin.readline()
    """
)


@pytest.mark.parametrize("path", ["/v0/connect/start", "/v0/connect/flush"])
def test_an_engine_without_the_extra_says_what_to_install(path: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as engine:
        try:
            assert engine.stdout is not None
            origin = engine.stdout.readline().strip()
            answer = httpx.post(origin + path, content=b"", timeout=60)
            assert answer.status_code == 501
            assert "pip install 'inngest-suite[connect]'" in answer.json()["error"]
            assert httpx.get(f"{origin}/dev", timeout=60).status_code == 200  # all else works
        finally:
            engine.kill()
