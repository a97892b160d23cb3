"""An export from the request to the file, with Tornado's own test case and an engine in this process."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from exports.app import make_app
from exports.database import Database
from exports.functions import client, make_export
from tornado.testing import AsyncHTTPTestCase, gen_test
from tornado.web import Application
from tornado.websocket import websocket_connect

from inngest import testing


class ExportTest(AsyncHTTPTestCase):
    def get_app(self) -> Application:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.addCleanup(client.close)
        return make_app(Path(folder) / "test.db")

    @gen_test
    async def test_an_export_is_made(self) -> None:
        async with testing.AsyncEngine(self._app) as engine:
            asked = await self.http_client.fetch(self.get_url("/exports"), method="POST", body="year=2024")
            assert json.loads(asked.body) == {"export": 1, "url": "/exports/1"}
            (run,) = engine.runs()
            assert (await engine.wait(run)).output == 12
        made = await self.http_client.fetch(self.get_url("/exports/1"))
        lines = made.body.decode().splitlines()
        assert (len(lines), lines[-1][:10]) == (366, "2024-12-31")

    @gen_test
    async def test_progress_is_shown(self) -> None:
        async with testing.AsyncEngine(self._app) as engine:
            await self.http_client.fetch(self.get_url("/exports"), method="POST", body="year=2024")
            progress = await websocket_connect(self.get_url("/exports/1/progress").replace("http", "ws", 1))
            assert await progress.read_message() == "0"
            await engine.wait(engine.runs()[0])
            said = [await progress.read_message()]
            while said[-1] is not None:
                said.append(await progress.read_message())
            assert said[-2] == "12"
            progress.close()

    def test_what_is_no_year_is_refused(self) -> None:
        assert self.fetch("/exports", method="POST", body="year=soon").code == 400


def test_a_restart_in_november(tmp_path: Path) -> None:
    export = make_export(Database(tmp_path / "test.db"))
    run = testing.run(export, {"export": 1, "year": 2024}, crash_after="month 10")
    assert run.output == 12
    assert run.steps["month 9"].calls == 1
