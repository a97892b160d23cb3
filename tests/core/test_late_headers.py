"""Headers that are read where they are asked for: they are what a dictionary of all of them would be."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inngest_core.web.asgi import read_head as read_asgi
from inngest_core.web.wsgi import read_head as read_wsgi

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){0,2}", fullmatch=True)
VALUES = st.text(st.characters(max_codepoint=255), max_size=10)
HEADERS = st.dictionaries(NAMES | st.sampled_from(["content-type", "content-length", "host"]), VALUES, max_size=8)
ODD = ["Host", "HOST", "x_a", "content_type", "Content-Type", "", "€", "http-host", "wsgi.input", "path_info"]


def environ_of(headers: dict[str, str], **more: Any) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "PATH_INFO": "/",
        "wsgi.url_scheme": "http",
        "wsgi.input": None,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ | more


def scope_of(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}


@given(HEADERS)
def test_they_are_those_that_came(headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    for read in (read_wsgi(environ_of(headers)).headers, read_asgi(scope_of(pairs)).headers):
        asked = {name: read.get(name) for name in headers}
        assert asked == headers
        assert read == headers
        assert {**read} == headers
        assert (len(read), set(read)) == (len(headers), set(headers))
        assert all(name in read and read[name] == value for name, value in headers.items())
        assert repr(read) == repr(dict(read))


@given(HEADERS)
def test_no_other_name_finds_one(headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    for read in (read_wsgi(environ_of(headers)).headers, read_asgi(scope_of(pairs)).headers):
        for name in ODD:
            if name not in headers:
                assert read.get(name) is None
                assert read.get(name, "nothing") == "nothing"
                assert name not in read


def test_one_that_a_server_gives_in_two_spellings() -> None:
    read = read_wsgi(
        environ_of({"content-length": "3"}, HTTP_CONTENT_LENGTH="4", HTTP_CONTENT_TYPE="text/html")
    ).headers
    assert read.get("content-length") == "3"
    assert dict(read) == {"content-length": "3"}


def test_one_that_comes_twice() -> None:
    read = read_asgi(scope_of([(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3")])).headers
    assert read.get("x-a") == "3"
    assert dict(read) == {"x-a": "3", "x-b": "2"}
