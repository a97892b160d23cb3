"""A Tornado application whose function, and middleware of ours, read the body: `python -m ... FD`."""

from __future__ import annotations

import asyncio
import socket
import sys

from tornado.httpserver import HTTPServer
from tornado.web import Application

import inngest.tornado
from tests.servers.readers import Reader


async def main(listening: socket.socket) -> None:
    listening.setblocking(False)
    reader = Reader(lambda request: request.body)
    reader.begin("reads=middleware,inside")  # Tornado has no hooks around a router
    app = Application()
    inngest.tornado.serve(app, *reader.endpoint_async())
    server = HTTPServer(app)
    server.add_socket(listening)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as handed_over:
        asyncio.run(main(handed_over))
