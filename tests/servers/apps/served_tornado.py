"""A Tornado application with a server of its own: `python -m tests.servers.apps.served_tornado FD`.

How it ends on SIGTERM is what docs/servers.md shows.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

from tornado.httpserver import HTTPServer
from tornado.web import Application

import inngest.tornado
from tests.servers.endpoints import close, make_endpoints


async def main(listening: socket.socket) -> None:
    listening.setblocking(False)
    endpoints = make_endpoints()
    app = Application()
    for each in endpoints:
        inngest.tornado.serve(app, each.client, each.functions, serve_path=each.path)
    server = HTTPServer(app)
    server.add_socket(listening)
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    await told_to_end.wait()
    sys.stdout.write("ending\n")
    server.stop()
    await calls_under_way()
    await server.close_all_connections()
    await close(endpoints)


async def calls_under_way() -> None:
    """Wait for the functions that run."""
    calls = [task for task in asyncio.all_tasks() if task.get_name() == "inngest-call"]
    if calls:
        await asyncio.wait(calls)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as handed_over:
        asyncio.run(main(handed_over))
