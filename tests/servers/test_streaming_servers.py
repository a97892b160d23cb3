"""Servers that stream: white space arrives while a step runs, and a client that goes away does no harm."""

from __future__ import annotations

import pytest

from tests.stage.engine_api import EngineDouble

from .process import Server, running
from .streams import STREAMING, call, check_lost_client, check_white_space
from .table import APPS, SERVERS

pytestmark = pytest.mark.live

WERKZEUG = Server(
    "werkzeug",
    ("-m", "flask", f"--app={APPS}.served_flask:app", "run", "--port={port}"),
    "flask",
    ready="Running on http",
)
"""For development only, so docs/servers.md does not name it."""
STREAMING_SERVERS = [*SERVERS, WERKZEUG]


@pytest.mark.parametrize("server", STREAMING_SERVERS, ids=[server.name for server in STREAMING_SERVERS])
def test_streams(server: Server, engine: EngineDouble, subtests: pytest.Subtests) -> None:
    with running(server, engine.origin, **STREAMING) as started:
        for kind in ("sync", "async"):
            with subtests.test("white space", kind=kind):
                check_white_space(started, kind)
            for time in ("first", "second"):
                with subtests.test("lost client", kind=kind, time=time):
                    check_lost_client(started, kind)
        assert call(started, "fn") == {"ran": True}
        assert "Traceback" not in started.text()
        assert "ResourceWarning" not in started.text()
