"""Apps and hosts for the tests of `inngest_devserver.hosting.host`."""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import AsyncGenerator
from pathlib import Path

from inngest_devserver.hosting.host import AppHost, OnOutput

ENGINE = "http://127.0.0.1:1"
ANSWER = '{"mode": "dev", "function_count": 2}'

ASGI_APP = f"""
import os

async def app(scope, receive, send):
    assert scope["type"] == "http"
    found = scope["path"] in ("/api/inngest", "/elsewhere")
    body = b'{ANSWER}' if found else os.environ["INNGEST_DEV"].encode()
    headers = [(b"x-inngest-sdk", b"inngest-py:v0.1.0")] if found else []
    await send({{"type": "http.response.start", "status": 200, "headers": headers}})
    await send({{"type": "http.response.body", "body": body}})
"""

WSGI_APP = f"""
import os

def app(environ, start_response):
    found = environ["PATH_INFO"] in ("/api/inngest", "/elsewhere")
    start_response("200 OK", [("x-inngest-sdk", "inngest-py:v0.1.0")] if found else [])
    return [b'{ANSWER}' if found else os.environ["INNGEST_DEV"].encode()]
"""


@contextlib.asynccontextmanager
async def hosted(host: AppHost) -> AsyncGenerator[AppHost]:
    await host.start()
    try:
        yield host
    finally:
        await host.stop()


def write(folder: Path, source: str) -> Path:
    (folder / "shop.py").write_text(textwrap.dedent(source))
    return folder


def host_of(
    folder: Path,
    source: str,
    *,
    port: int = 0,
    path: str | None = None,
    target: str = "shop",
    on_output: OnOutput | None = None,
) -> AppHost:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    directory = write(folder, source)
    return AppHost(
        target,
        engine_origin=ENGINE,
        port=port,
        path=path,
        directory=directory,
        environ=environ,
        on_output=on_output,
    )
