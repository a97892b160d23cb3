"""A WebSocket upgrade is refused in plain HTTP, whatever it asks for, and the engine says nothing about it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer

pytestmark = pytest.mark.live

UPGRADE = (
    "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
WITHOUT_A_LIBRARY = """
import sys
sys.modules["websockets"] = sys.modules["wsproto"] = None
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
with DevServer(Options(sink=None), port=0) as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


def upgrade(port: int, path: str, host: str = "localhost") -> tuple[int, dict[str, object]]:
    """Ask for a WebSocket; return status and JSON of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(UPGRADE.format(path=path, host=host).encode())
        content = b""
        while not content.rstrip().endswith(b"}"):
            chunk = client.recv(65536)
            assert chunk, content
            content += chunk
    head, _, body = content.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body[body.index(b"{") :])


@pytest.mark.parametrize(
    ("path", "host", "status", "said"),
    [
        ("/health", "localhost", 404, "there is no WebSocket at /health"),
        ("/e/key", "localhost", 404, "there is no WebSocket at /e/key"),
        ("/no/such%2Fplace", "localhost", 404, "there is no WebSocket at /no/such%2Fplace"),
        ("/health", "evil.example", 403, "host 'evil.example' is not allowed"),
    ],
)
def test_an_upgrade_is_refused(
    path: str, host: str, status: int, said: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with DevServer(Options(sink=None), port=0) as server:
        refused, body = upgrade(server.port, path, host)
    assert (refused, body["status"]) == (status, status)
    assert str(body["error"]).startswith(said)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_an_upgrade_without_a_websocket_library_is_an_ordinary_request() -> None:
    """As in an installation of the extra `dev-server` alone."""
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_A_LIBRARY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert upgrade(port, "/e/key")[0] == 405
        assert upgrade(port, "/health") == (200, {"status": 200, "message": "OK"})
        _, complaints = process.communicate()
    assert "Traceback" not in complaints
    assert process.returncode == 0
