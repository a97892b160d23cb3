"""An app that takes calls and never answers: it holds up its own runs only, and gives its calls up when it must."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stage.effects import News

from .raw_app import register
from .world import NATIVE_KINDS, World, new_world


class HungApp:
    """Takes every connection and says nothing. taken: all of them."""

    def __init__(self) -> None:
        self.taken: list[socket.socket] = []
        self.news = News()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/x"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self._ending.is_set():
                connection.close()
                return
            self.taken.append(connection)
            self.news.tell()

    def has_taken(self, count: int) -> None:
        self.news.until(lambda: len(self.taken) >= count, f"{count} calls")

    def is_hung_up_on(self, connection: socket.socket) -> bool:
        """Read what the engine sent, up to the end of the connection; the time-out is the limit."""
        connection.settimeout(20)
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(65536):
                pass
        return True

    def close(self) -> None:
        self._ending.set()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listening.getsockname(), timeout=5).close()
        self._thread.join(20)
        for each in (*self.taken, self._listening):
            each.close()


@pytest.fixture
def world() -> Iterator[World]:
    with new_world(NATIVE_KINDS[1], concurrency=8) as made:
        yield made


@pytest.fixture
def hung(world: World) -> Iterator[HungApp]:
    app = HungApp()
    register(world.engine, app.url)
    yield app
    app.close()


def test_other_apps_go_on_and_removing_the_hung_one_frees_everything(world: World, hung: HungApp) -> None:
    @world.function("t/f")
    def function(ctx: Any, step: Any) -> Any:
        return "done"

    with world.up():
        ids = world.engine.post_events([{"name": "raw/f"}] * 10)
        hung.has_taken(6)  # of eight that the app may get, one function gets three quarters
        assert world.engine.run("t/f").output == "done"
        waiting = [world.engine.get(f"/v1/runs/{world.engine.runs(each)[0].id}").get("waits_for") for each in ids]
        assert sum("6 calls of its function are under way" in str(reasons) for reasons in waiting) == 4
        assert len(hung.taken) == 6
        assert world.engine.request("DELETE", f"/fn/remove?url={hung.url}").status_code == 200
        runs = [world.engine.ended(each)[0] for each in ids]
        assert {run.status for run in runs} == {"Cancelled"}
        assert all(hung.is_hung_up_on(each) for each in hung.taken)
        assert len(hung.taken) == 6
        assert world.engine.run("t/f").output == "done"


def test_cancelling_a_run_gives_its_call_up_and_the_next_one_is_made(world: World, hung: HungApp) -> None:
    ids = world.engine.post_events([{"name": "raw/f"}] * 8)
    hung.has_taken(6)
    called = [run.id for each in ids for run in world.engine.runs(each) if not _waits(world, run.id)]
    assert len(called) == 6
    for run_id in called[:2]:
        assert world.engine.request("DELETE", f"/v1/runs/{run_id}").status_code == 204
    hung.has_taken(8)
    assert [world.engine.one(run_id).status for run_id in called[:2]] == ["Cancelled"] * 2


def _waits(world: World, run_id: str) -> bool:
    return bool(world.engine.get(f"/v1/runs/{run_id}").get("waits_for"))
