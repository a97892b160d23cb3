"""The names of the official SDK's mocks and of its server for tests."""

from __future__ import annotations

import datetime
import socket
from typing import Any

import httpx
import pytest

import inngest
from inngest import testing
from inngest.experimental import dev_server, mocked
from tests.stage.servers import free_port

client = inngest.Inngest(app_id="shop")
mock = mocked.Inngest(app_id="mock")


@client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="a"), retries=0)
async def f(ctx: inngest.Context) -> str:
    name = await ctx.step.run("name", fail)
    found = await ctx.step.wait_for_event("wait", event="b", timeout=datetime.timedelta(days=1))
    return f"{name} {found is None}"


def fail() -> str:
    raise ValueError("no")


def test_a_run_with_stubs() -> None:
    result = mocked.trigger(
        f, inngest.Event(name="a"), mock, step_stubs={"name": "ada", "wait": mocked.Timeout, "x": 1}
    )
    assert result == mocked.Result(mocked.Status.COMPLETED, "ada True")
    found = inngest.Event(name="b")
    assert (
        mocked.trigger(f, [inngest.Event(name="a")], mock, step_stubs={"name": "a", "wait": found}).output == "a False"
    )


def test_a_run_that_fails() -> None:
    result = mocked.trigger(f, inngest.Event(name="a"), mock)
    assert (result.status, result.output) == (mocked.Status.FAILED, None)
    assert isinstance(result.error, ValueError)


def test_a_mocked_client_sends_nothing() -> None:
    ids = mock.send_sync([inngest.Event(name="a"), inngest.Event(name="b")])
    assert len(set(ids)) == 2


@pytest.mark.live
def test_the_server_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_SERVER_PORT", str(free_port()))
    dev_server.server.start()
    try:
        dev_server.server.start()
        assert httpx.get(f"{dev_server.server.origin}/health", timeout=60).status_code == 200
    finally:
        dev_server.server.stop()
        dev_server.server.stop()
    monkeypatch.setenv("DEV_SERVER_ENABLED", "0")
    dev_server.server.start()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{dev_server.server.origin}/health", timeout=60)


def test_wrong_arguments() -> None:
    event = inngest.Event(name="a")
    client = mocked.Inngest(app_id="wrong")

    @client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="a"))
    def nothing(ctx: inngest.ContextSync) -> None:
        """Nothing is done."""

    given: Any = len
    with pytest.raises(testing.AppError, match="is not an Inngest function"):
        mocked.trigger(given, event, client)
    cases: list[Any] = [{"name": "a"}, []]
    for given in cases:
        with pytest.raises(TypeError, match=r"events is .*; give a list of events"):
            mocked.trigger(nothing, given, client)


def test_a_port_that_the_server_cannot_have(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("DEV_SERVER_PORT", str(port))
        with pytest.raises(OSError, match=rf"port {port} cannot be used .*; set DEV_SERVER_PORT to another one"):
            dev_server.server.start()


@pytest.mark.parametrize("text", ["abc", "-1", "65536", "8288.0"])
def test_a_port_that_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DEV_SERVER_PORT", text)
    with pytest.raises(ValueError, match=f"DEV_SERVER_PORT is '{text}'; give the number of a port, such as 8288"):
        dev_server.server.start()
