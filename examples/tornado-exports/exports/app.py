"""The application, and a program that ends when everything under way is done: `python -m exports.app`."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.web import Application, url

import inngest.tornado

from .database import Database
from .functions import client, make_export
from .handlers import AskHandler, ExportHandler, ProgressHandler


def make_app(path: Path = Path("exports.db")) -> Application:
    database = Database(path)
    given = {"database": database}
    return Application(
        [
            url("/exports", AskHandler, given),
            url("/exports/([0-9]+)", ExportHandler, given, name="export"),
            url("/exports/([0-9]+)/progress", ProgressHandler, given),
            *inngest.tornado.rules(client, [make_export(database)]),
        ]
    )


async def main() -> None:
    app = make_app()
    server = HTTPServer(app)
    server.listen(int(os.environ.get("PORT", "8000")))
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()
    server.stop()
    await inngest.tornado.wait_for_calls(app, timeout=60)
    await server.close_all_connections()
    await client.close_async()


if __name__ == "__main__":
    asyncio.run(main())
