"""A raw HTTP client for one kept-alive connection: as little of its own time as can be."""

from __future__ import annotations

import socket

from .requests import Post


class Connection:
    """One kept-alive connection, and of HTTP only what it takes: an answer ends where its content-length says."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def dump(self, post: Post, method: str = "POST") -> bytes:
        headers = {"host": f"127.0.0.1:{self.port}", **post.headers, "content-length": str(len(post.body))}
        lines = [f"{method} {post.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + post.body

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        self._socket.sendall(request)
        answer = b""
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._receive()
        head, body = answer[:end].lower(), answer[end + 4 :]
        length = int(head.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._receive()
        return int(head[9:12]), body

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data

    def close(self) -> None:
        self._socket.close()
