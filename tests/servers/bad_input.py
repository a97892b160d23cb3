"""Bytes that no good client sends, on real sockets. Some never reach an app: then the server refuses them itself."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from tests.bad_input.served import BODY, CAP, QUERY, signature
from tests.cases.case import Call
from tests.stage.sockets import read
from tests.targets.target import Answer

from .endpoints import CLOUD_PATH, PATH
from .process import Running

RAN = {"ran": True}
Expect = Callable[[Answer | None, Running], None]


@dataclass(frozen=True, slots=True)
class Bad:
    """Bytes to send, what may come of them, and whether the client closes its half of the connection then."""

    sent: bytes
    expect: Expect
    half_close: bool = False


def request(
    *headers: str | bytes, body: bytes = BODY, method: str = "POST", target: str | bytes = f"{PATH}?{QUERY}"
) -> bytes:
    """Return a request whose length is right, unless *headers* say what it is."""
    path = target if isinstance(target, bytes) else target.encode()
    lines = [each if isinstance(each, bytes) else each.encode() for each in headers]
    names = [line.partition(b":")[0].lower() for line in lines]
    if b"host" not in names:
        lines.append(b"Host: shop.example")
    if not {b"content-length", b"transfer-encoding"} & set(names):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([method.encode() + b" " + path + b" HTTP/1.1", *lines, b"", body])


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


def is_ours(answer: Answer) -> bool:
    return answer.headers.get("x-inngest-sdk-handled") == "true"


def ran(answer: Answer | None, running: Running) -> None:
    assert answer is not None
    assert is_ours(answer), answer
    assert (answer.status, json.loads(answer.body)) == (200, RAN)


def refused_by_us(status: int, code: str) -> Expect:
    """Expect a coded error of ours, and nothing else."""

    def expect(answer: Answer | None, running: Running) -> None:
        assert answer is not None
        assert is_ours(answer), answer
        assert answer.headers["content-type"] == "application/json"
        assert (answer.status, json.loads(answer.body)["code"]) == (status, code)

    return expect


def no_body(answer: Answer | None, running: Running) -> None:
    assert answer is not None
    assert is_ours(answer), answer
    assert (answer.status, answer.body) == (405, b"")


def _sane(answer: Answer) -> None:
    """Assert that an answer is a coded one of ours, or a server's own 4xx or 501."""
    if is_ours(answer):
        value = json.loads(answer.body)
        assert answer.status < 400 or value["code"] != "unknown", answer
    else:
        assert 400 <= answer.status < 500 or answer.status == 501, answer
    assert b"Traceback" not in answer.body, answer


def refused(answer: Answer | None, running: Running) -> None:
    """Expect an error of ours or of the server's, or a closed connection; but no call."""
    if answer is not None:
        assert answer.status >= 400, answer
        _sane(answer)


def ran_or_refused(answer: Answer | None, running: Running) -> None:
    """Expect whatever is sane: servers read such a request in different ways."""
    if answer is not None:
        _sane(answer)


def ran_if_chunks_are_known(answer: Answer | None, running: Running) -> None:
    """Expect a call, or the coded error for a body that the server did not pass on."""
    (ran if running.server.chunked else refused_by_us(400, "body_invalid"))(answer, running)


def ran_or_closed(answer: Answer | None, running: Running) -> None:
    if answer is not None:
        ran(answer, running)


CHUNKED = "Transfer-Encoding: chunked"
ECHO = "fnId=app-echo&stepId=step"


def echo(data: str) -> bytes:
    """Return a call that returns *data*, which is JSON text."""
    body = Call(fn_id="app-echo", event={"data": {"x": "<x>"}}).body().replace(b'"<x>"', data.encode())
    return request(body=body, target=f"{PATH}?{ECHO}")


def echoed(data: str) -> Expect:
    def expect(answer: Answer | None, running: Running) -> None:
        assert answer is not None
        assert is_ours(answer)
        assert (answer.status, answer.body) == (200, f'{{"x":{data}}}'.encode())

    return expect


DEEP = "[" * 10_000 + "]" * 10_000
GOOD = f"X-Inngest-Signature: {signature(BODY)}"
WRONG = f"X-Inngest-Signature: {signature(BODY + b' ')}"

BAD: dict[str, Bad] = {
    "chunked": Bad(request(CHUNKED, body=chunks(BODY)), ran_if_chunks_are_known),
    "chunked in small pieces": Bad(
        request(CHUNKED, body=chunks(*(BODY[at : at + 7] for at in range(0, len(BODY), 7)))), ran_if_chunks_are_known
    ),
    "chunk without a size": Bad(request(CHUNKED, body=b"zz\r\n" + BODY), refused),
    "chunks that end too early": Bad(request(CHUNKED, body=b"ffff\r\n" + BODY[:-9]), refused, half_close=True),
    "unknown transfer coding": Bad(request("Transfer-Encoding: nonsense", body=chunks(BODY)), refused),
    "length and chunks": Bad(
        request(CHUNKED, f"Content-Length: {len(BODY)}", body=chunks(BODY)), ran_or_refused, half_close=True
    ),
    "length too large": Bad(request(f"Content-Length: {len(BODY)}", body=BODY[:-9]), refused, half_close=True),
    "length too small": Bad(request(f"Content-Length: {len(BODY) - 9}"), refused),
    "length zero": Bad(request("Content-Length: 0", body=b""), refused_by_us(400, "body_invalid")),
    "no length": Bad(request(CHUNKED, body=b"").replace(CHUNKED.encode(), b"X: y"), refused_by_us(400, "body_invalid")),
    "length negative": Bad(request("Content-Length: -1"), refused, half_close=True),
    "length no number": Bad(request("Content-Length: many"), refused, half_close=True),
    "length superscript": Bad(request("Content-Length: \u00b2".encode("latin-1")), refused, half_close=True),
    "lengths that differ": Bad(request("Content-Length: 5", f"Content-Length: {len(BODY)}"), refused, half_close=True),
    "HEAD": Bad(request(method="HEAD", body=b""), no_body),
    "OPTIONS": Bad(request(method="OPTIONS", body=b""), refused_by_us(405, "method_not_allowed")),
    "OPTIONS with an origin": Bad(
        request("Origin: http://x.example", method="OPTIONS"), refused_by_us(405, "method_not_allowed")
    ),
    "PATCH": Bad(request(method="PATCH"), refused_by_us(405, "method_not_allowed")),
    "two good signatures": Bad(request(GOOD, GOOD, target=f"{CLOUD_PATH}?{QUERY}"), ran_or_refused),
    "a good signature and a wrong one": Bad(request(GOOD, WRONG, target=f"{CLOUD_PATH}?{QUERY}"), refused),
    "two types": Bad(request("Content-Type: application/json", "Content-Type: text/html"), ran_or_refused),
    "two hosts": Bad(request("Host: shop.example", "Host: other.example"), ran_or_refused),
    "host that is none": Bad(request("Host: ["), ran_or_refused),
    "host of bytes": Bad(request(b"Host: \xff\xfe"), ran_or_refused),
    "no host": Bad(request(body=BODY).replace(b"Host: shop.example\r\n", b""), ran_or_refused),
    "header of bytes": Bad(request(b"X-Note: \xff\xfe\x80"), ran_or_refused),
    "signature of bytes": Bad(request(b"X-Inngest-Signature: t=\xff&s=\xfe", target=f"{CLOUD_PATH}?{QUERY}"), refused),
    "query of bytes": Bad(request(target=f"{PATH}?{QUERY}&x=".encode() + b"\xff\xfe"), ran_or_refused),
    "function of bytes": Bad(
        request(target=f"{PATH}?fnId=%FF%FE&stepId=step"), refused_by_us(500, "function_not_found")
    ),
    "long query": Bad(request(target=f"{PATH}?{QUERY}&x={'x' * 20_000}"), ran_or_refused),
    "long header": Bad(request(f"X-Note: {'x' * 200_000}"), ran_or_refused),
    "body not UTF-8": Bad(request(body=b'{"a":"\xff"}'), refused_by_us(400, "body_invalid")),
    "body not JSON": Bad(request(body=b"<html>"), refused_by_us(400, "body_invalid")),
    "lone surrogates": Bad(echo('"\\ud800 \\udfff"'), echoed('"\\ud800 \\udfff"')),
    "10,000 nested arrays": Bad(echo(DEEP), ran_or_refused),
    "nested without end": Bad(request(body=b"[" * 100_000), refused_by_us(400, "body_invalid")),
    "half closed": Bad(request(), ran_or_closed, half_close=True),
    "no HTTP at all": Bad(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", refused, half_close=True),
    "half a request": Bad(request()[:60], refused, half_close=True),
}


def check_bad(bad: Bad, running: Running) -> None:
    bad.expect(exchange(running, bad.sent, half_close=bad.half_close), running)


def check_over_the_cap(running: Running) -> None:
    answer = running.ask("POST", QUERY, b" " * (CAP + 1))
    refused_by_us(413, "body_too_large")(answer, running)


def exchange(running: Running, sent: bytes, *, half_close: bool) -> Answer | None:
    """Send exactly these bytes; return the first answer, or None when the server closes without one."""
    with running.connect() as connection:
        try:
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it closed while we sent; it may have answered before
        response = http.client.HTTPResponse(connection, method=sent.partition(b" ")[0].decode("latin-1"))
        with closing(response):
            try:
                response.begin()
                return read(response)
            except (http.client.HTTPException, OSError):
                return None
