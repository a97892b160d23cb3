"""`inngest backup`: a copy of a running engine's file, from which another engine goes on."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.stage.sockets import NO_TLS

from .commands import dev, run

pytestmark = pytest.mark.live

NAPPER = """
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="shop", is_production=False)

@client.create_function(fn_id="nap", trigger=inngest.TriggerEvent(event="user/tired"))
def nap(ctx, step):
    said = step.run("say", lambda: "good night")
    step.wait_for_event("morning", event="user/woken", timeout=86_400_000)
    return said

app = flask.Flask(__name__)
inngest.flask.serve(app, client, [nap])
"""


class Flood:
    """Sends some megabytes of events as fast as they are accepted, or until it is told to stop."""

    def __init__(self, origin: str) -> None:
        self.accepted: list[str] = []
        self._origin = origin
        self._over = threading.Event()
        self._some = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Flood:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for_some(self) -> None:
        assert self._some.wait(30)

    def _run(self) -> None:
        with httpx.Client(base_url=self._origin, trust_env=False, verify=NO_TLS, timeout=60) as client:
            for _ in range(200):
                if self._over.is_set():
                    return
                answer = client.post("/e/key", json=[{"name": "other/event", "data": {"text": "x" * 2000}}] * 20)
                self.accepted += answer.json()["ids"]
                self._some.set()


def test_another_engine_goes_on_from_a_backup_of_a_busy_one(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(NAPPER)
    copy = tmp_path / "copy.db"
    with dev("shop", "--persist", "engine.db", folder=tmp_path) as it:
        origin = it.origin()
        it.until("ready:")
        event = run("send", "user/tired", "--url", origin).split()[2]
        it.until("waits for")
        with Flood(origin) as flood:
            flood.wait_for_some()
            before = list(flood.accepted)
            said = run("backup", str(copy), "--url", origin)
    assert said.endswith(f" bytes of the engine at {origin} are in {copy}\n")
    assert sorted(each.name for each in tmp_path.glob("*.db")) == ["copy.db", "engine.db"]
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {each for (each,) in database.execute("SELECT internal_id FROM events")}
    assert set(before) <= kept
    with dev("shop", "--persist", "copy.db", folder=tmp_path) as it:
        origin = it.origin()
        it.until("ready:")
        run("send", "user/woken", "--url", origin)
        it.until("run completed")
        assert 'output  "good night"' in run("runs", "--event", event, "--url", origin)


def test_an_engine_without_a_file_is_copied_too(shop: Path) -> None:
    with dev("shop", folder=shop) as it:
        origin = it.origin()
        it.until("ready:")
        said = json.loads(run("backup", "copy.db", "--json", "--url", origin, folder=shop))
    assert said == {"file": str(shop / "copy.db"), "bytes": (shop / "copy.db").stat().st_size}
    with dev("--persist", "copy.db", folder=shop) as it:
        assert "user/came if event.data.n > 1" in run("apps", "--url", it.origin())


def test_what_cannot_be_written_or_read_is_said(shop: Path) -> None:
    key = "ab" * 16
    variables = {"INNGEST_SIGNING_KEY": key, "INNGEST_EVENT_KEY": "key"}
    with dev("--persist", "engine.db", folder=shop, name="start", **variables) as it:
        origin = it.origin()
        assert "cannot be written" in run("backup", "no/such/file", "--url", origin, folder=shop, code=1, **variables)
        assert "asks for a key" in run("backup", "copy.db", "--url", origin, folder=shop, code=1)
        assert not (shop / "copy.db").exists()
        assert (
            httpx.post(f"{origin}/v1/backup", headers={"authorization": f"Bearer {key}"}, timeout=60).status_code == 405
        )


def test_an_engine_that_is_stopped_waits_for_no_backup(tmp_path: Path) -> None:
    with dev("--persist", "engine.db", folder=tmp_path) as it:
        origin = it.origin()
        it.until("no app")
        with httpx.Client(base_url=origin, trust_env=False, verify=NO_TLS, timeout=60) as client:
            large = {"name": "other/event", "data": {"text": "x" * 2_000_000}}
            for _ in range(10):
                assert client.post("/e/key", json=large).status_code == 200
            with client.stream("GET", "/v1/backup") as answer:
                assert answer.status_code == 200
                it.process.terminate()
                said = it.rest()
    assert it.process.wait() == 0
    assert "Traceback" not in said
    assert [each.name for each in tmp_path.iterdir()] == ["engine.db"]
