"""Asks over a real socket."""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import closing

from tests.targets.target import Answer, Headers, Send

PATIENCE = 60
"""Seconds, after which what should have happened long ago counts as missing."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: it trusts nobody. To load the usual certificates takes each client 35 ms."""


def ask(port: int, path: str) -> Send:
    """Return how to ask for *path* on a port of this machine."""

    def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            connection.request(method, f"{path}?{query}" if query else path, body, dict(headers))
            return read(connection.getresponse())

    return send


def read(response: http.client.HTTPResponse) -> Answer:
    """Read an answer to its end."""
    content = response.read()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def ask_raw(port: int, request: bytes) -> Answer:
    """Send exactly these bytes, and no more; read one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        with closing(response):
            return read(response)


def chunked(path: str, *chunks: bytes) -> bytes:
    """Return a POST whose body comes in chunks, without a length."""
    head = f"POST {path} HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
