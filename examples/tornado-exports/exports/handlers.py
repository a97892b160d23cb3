"""The handlers: asking for an export, seeing how far it is over a WebSocket, and getting it."""

from __future__ import annotations

import asyncio

from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

import inngest

from .database import Database
from .functions import client

LOOK_SECONDS = 0.2


class AskHandler(RequestHandler):
    def initialize(self, database: Database) -> None:
        self.database = database

    async def post(self) -> None:
        year = self.get_body_argument("year")
        if not year.isdecimal():
            raise HTTPError(400, "year is not a number")
        number = await asyncio.to_thread(self.database.begin, int(year))
        await client.send(inngest.Event(name="export/asked", data={"export": number, "year": int(year)}))
        self.set_status(202)
        self.write({"export": number, "url": self.reverse_url("export", number)})


class ExportHandler(RequestHandler):
    def initialize(self, database: Database) -> None:
        self.database = database

    async def get(self, number: str) -> None:
        if await asyncio.to_thread(self.database.months, int(number)) < 12:
            raise HTTPError(404, "the export is not ready")
        self.set_header("Content-Type", "text/csv")
        self.write(await asyncio.to_thread(self.database.text, int(number)))


class ProgressHandler(WebSocketHandler):
    """Says how many months there are, whenever there is another one."""

    def initialize(self, database: Database) -> None:
        self.database = database

    async def open(self, number: str) -> None:
        said = -1
        while said < 12:
            months = await asyncio.to_thread(self.database.months, int(number))
            if months != said:
                try:
                    await self.write_message(str(months))
                except WebSocketClosedError:
                    return
                said = months
            await asyncio.sleep(LOOK_SECONDS)
        self.close()
