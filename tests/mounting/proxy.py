"""A little reverse proxy: it takes a prefix off or puts one on, says what real ones say, and ends TLS if asked."""

from __future__ import annotations

import http.client
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.stage.sockets import PATIENCE

NOTHING: Mapping[str, str] = {}
_ONLY_BETWEEN_TWO = {"connection", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class TLS:
    """A certificate of our own, for 127.0.0.1, as its owner and as those who trust it need it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def make_tls(folder: Path) -> TLS:
    """Make a certificate in *folder*; without the program that does it, the test is skipped."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=proxy", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command: list[str | Path] = [openssl, "req", *kind, *subject, "-out", certificate, "-keyout", key]
    subprocess.run(command, check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return TLS(server, ssl.create_default_context(cafile=str(certificate)))


@contextmanager
def proxy(
    to: int | Callable[[], int],
    *,
    strips: str = "",
    adds: str = "",
    keeps_host: bool = True,
    says: Mapping[str, str] = NOTHING,
    tls: TLS | None = None,
) -> Generator[str]:
    """Run a proxy before a port of this machine, which may be told later; gives its origin.

    strips: the prefix that it answers under, alone, and takes off. adds: one that it puts before paths.
    keeps_host: otherwise the host that the app sees is its own. says: headers, in which "{host}" is the proxy's.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if not self.path.startswith(f"{strips}/"):
                self._answer(404, {}, b"nothing is behind this path")
                return
            port = to if isinstance(to, int) else to()
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
                connection.request(self.command, adds + self.path.removeprefix(strips), body, self._headers(port))
                response = connection.getresponse()
                self._answer(response.status, dict(response.getheaders()), response.read())

        do_PUT = do_POST = do_GET  # noqa: N815 - names of the base class

        def _headers(self, port: int) -> dict[str, str]:
            said = {name.lower(): text.format(host=f"127.0.0.1:{server.server_port}") for name, text in says.items()}
            given = {name.lower(): value for name, value in self.headers.items()}
            if not keeps_host:
                given["host"] = f"127.0.0.1:{port}"
            return {**given, **said}

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in (*_ONLY_BETWEEN_TWO, "content-length"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.server.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
