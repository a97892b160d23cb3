"""step.fetch against a real server: by the engine and in the app, the same answer to both kinds of function."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .conftest import kinds
from .in_virtual_time import InProcess
from .world import TWO_BY_TWO, World

BYTES = b"\x89PNG\xff\x00"


class Site(BaseHTTPRequestHandler):
    """Echoes what it is asked; `/moved` leads to the echo and gives a cookie; `/bytes` is not text."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        if path == "/old/moved":
            self._answer(302, b"", location="../echo?from=moved", set_cookie="id=1; Path=/")
        elif path == "/bytes":
            self._answer(200, BYTES, content_type="image/png")
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = {"method": self.command, "path": self.path, "headers": headers, "body": body.decode()}
            self._answer(
                299,
                json.dumps(seen).encode(),
                content_type="application/json",
                x_kind="écho".encode().decode("latin-1"),
            )

    def do_POST(self) -> None:
        self.do_GET()

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@kinds(TWO_BY_TWO)
@pytest.mark.parametrize("offload", [True, False], ids=["engine", "app"])
def test_both_ways_give_the_same(world: World, site: str, offload: bool) -> None:
    @world.function("t/fetch")
    def fetches(ctx: Any, step: Any) -> Script:
        posted = yield step.fetch(
            "post",
            f"{site}/echo",
            method="POST",
            params={"q": "ä b"},
            headers={"X-Token": "t"},
            json={"name": "Åsa"},
            offload=offload,
        )
        moved = yield step.fetch("moved", f"{site}/old/moved", offload=offload)
        again = yield step.fetch("again", f"{site}/echo", offload=offload)
        yield step.run("a step between", lambda: None)
        seen = posted.json()
        return {
            "status": posted.status_code,
            "type": posted.headers["content-type"],
            "seen": [seen["method"], seen["path"], seen["headers"]["x-token"], seen["headers"]["content-type"]],
            "body": seen["body"],
            "moved": [str(moved.url), moved.json()["path"]],
            "cookies": ["cookie" in moved.json()["headers"], "cookie" in again.json()["headers"]],
        }

    with world.up():
        run = world.engine.run("t/fetch")
    assert run.output == {
        "status": 299,
        "type": "application/json",
        "seen": ["POST", "/echo?q=%C3%A4+b", "t", "application/json"],
        "body": '{"name":"Åsa"}',
        "moved": [f"{site}/echo?from=moved", "/echo?from=moved"],
        "cookies": [False, False],
    }, run


@pytest.mark.live
def test_the_app_keeps_bytes_and_sends_forms(stage: InProcess, site: str) -> None:
    @stage.function("t/fetch")
    def fetches(ctx: Any, step: Any) -> Script:
        picture = yield step.fetch("picture", f"{site}/bytes", offload=False)
        form = yield step.fetch(
            "form", f"{site}/echo", method="POST", data={"a": "1&2", "b": ["x", "y"]}, offload=False
        )
        text = yield step.fetch("text", f"{site}/echo", method="POST", content="hi", offload=False)
        return [picture.content.hex(), form.json()["body"], form.json()["headers"]["content-type"], text.json()["body"]]

    with stage.up():
        run = stage.run("t/fetch")
    assert run.output == [BYTES.hex(), "a=1%262&b=x&b=y", "application/x-www-form-urlencoded", "hi"], run


def test_nobody_there_fails_the_step_either_way(world: World) -> None:
    @world.function("t/fetch", retries=0)
    def fetches(ctx: Any, step: Any) -> Script:
        names: list[str] = []
        for number, offload in enumerate([True, False]):
            try:
                yield step.fetch(f"ask {number}", "http://127.0.0.1:9/", offload=offload)
            except inngest.StepError as error:
                names.append(error.name)
        return names

    with world.up():
        run = world.engine.run("t/fetch")
    assert run.output == ["GatewayError", "FetchError"], run
