"""PUT: what is told to the engine, which URL is advertised; no failure is a 200."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from inngest_core.client import Inngest
from inngest_core.config import load_config
from inngest_core.engine_api import EngineAPI
from inngest_core.errors import (
    BodyInvalidError,
    InngestError,
    ServerKindMismatchError,
    URLInvalidError,
)
from inngest_core.execution.answer import Answer
from inngest_core.function import Function
from inngest_core.options.options import TriggerEvent
from inngest_core.protocol.signing import SigningKey
from inngest_core.protocol.wire import VERSION
from inngest_core.runtime.effects import Effect, Fetch, Flow
from inngest_core.serving.authentication import UNSIGNED, Signer
from inngest_core.serving.options import ServeOptions
from inngest_core.serving.registration import advertised_url, register
from inngest_core.web.messages import HTTPRequest, HTTPResponse, Request, TransportError

KEY = SigningKey("signkey-test-" + "0123456789abcdef" * 4)
URL = "http://127.0.0.1:8000/api/inngest"
OK = HTTPResponse(200, {}, b'{"ok":true,"modified":true,"sync_id":"s","app_id":"a","error":null}')


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INNGEST_DEV", "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_ENV", "INNGEST_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Served:
    client: Inngest
    functions: Sequence[Function[Any]] = ()
    framework: str = "fast_api"
    options: ServeOptions = field(default_factory=ServeOptions)


def dev(**options: Any) -> Served:
    client = Inngest(app_id="app", is_production=False, **options)

    def handler(ctx: object) -> None: ...

    function = client.create_function(fn_id="f", trigger=TriggerEvent(event="a/b"), on_failure=handler)(handler)
    return Served(client, [function])


def cloud(environ: dict[str, str] | None = None) -> Served:
    served = dev()
    served.client.config = load_config(signing_key=KEY.text, is_production=True, environ=environ or {})
    served.client.engine_api = EngineAPI(served.client.config)
    return served


def put(url: str = URL, body: bytes = b"", **headers: str) -> Request:
    return Request("PUT", url, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def put_in_band(body: object = None) -> Request:
    return put(body=json.dumps(body or {"url": URL}).encode(), x_inngest_sync_kind="in_band")


def drive(flow: Flow[Answer], answer: HTTPResponse | TransportError = OK) -> tuple[Answer, list[HTTPRequest]]:
    """Play driver and engine; return the answer and what was asked."""
    asked: list[HTTPRequest] = []
    try:
        effect: Effect = next(flow)
        while True:
            assert isinstance(effect, Fetch)
            asked.append(effect.request)
            effect = flow.throw(answer) if isinstance(answer, TransportError) else flow.send(answer)
    except StopIteration as end:
        return end.value, asked


def body_of(answer: Answer) -> dict[str, Any]:
    """Return the answer's body as an engine reads it."""
    body: dict[str, Any] = json.loads(json.dumps(answer.body))
    return body


def functions_on_the_wire(url: str = URL) -> list[dict[str, object]]:
    return dev().functions[0].get_config(url)


def test_out_of_band() -> None:
    answer, asked = drive(register(dev(app_version="v9"), put(), UNSIGNED))
    assert answer.status == 200
    assert answer.body == {
        "message": "Successfully registered",
        "modified": True,
        "ok": True,
        "sync_id": "s",
        "app_id": "a",
    }
    assert answer.headers == {"x-inngest-sync-kind": "out_of_band"}
    request = asked[0]
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:8288/fn/register")
    assert request.headers["x-inngest-framework"] == "fast_api"
    assert "authorization" not in request.headers
    assert json.loads(request.body) == {
        "url": URL,
        "deployType": "ping",
        "appName": "app",
        "appVersion": "v9",
        "sdk": f"py:v{VERSION}",
        "v": "0.1",
        "framework": "fast_api",
        "capabilities": {"in_band_sync": "v1", "trust_probe": "v1"},
        "functions": functions_on_the_wire(),
    }


def test_no_null_is_sent() -> None:
    _, asked = drive(register(dev(), put(), UNSIGNED))
    assert "appVersion" not in json.loads(asked[0].body)
    assert b"null" not in asked[0].body


def test_the_deploy_id_goes_to_the_engine_and_not_into_urls() -> None:
    _, asked = drive(register(dev(), put(URL + "?deployId=d%201&token=t"), UNSIGNED))
    assert asked[0].url == "http://127.0.0.1:8288/fn/register?deployId=d+1"
    body = json.loads(asked[0].body)
    assert body["url"] == URL + "?token=t"
    assert body["functions"] == functions_on_the_wire(URL + "?token=t")


def test_half_a_character_in_a_url_or_a_deploy_id_is_replaced() -> None:
    answer, asked = drive(register(dev(), put(URL + "?deployId=\ud800&token=\udfff"), UNSIGNED))
    assert answer.status == 200
    assert asked[0].url == "http://127.0.0.1:8288/fn/register?deployId=%3F"
    assert json.loads(asked[0].body)["url"] == URL + "?token=%3F"


def test_an_engine_with_a_key_gets_the_bearer() -> None:
    _, asked = drive(register(cloud(), put(), Signer(KEY)))
    assert asked[0].headers["authorization"] == KEY.bearer()


@pytest.mark.parametrize(
    ("engine", "status", "says"),
    [
        (HTTPResponse(400, {}, b'{"error":"App ID required"}'), 400, "the engine answered 400: App ID required"),
        (HTTPResponse(401, {}, b""), 401, "INNGEST_SIGNING_KEY"),
        (HTTPResponse(404, {}, b"<html>"), 404, "<html>"),
        (HTTPResponse(500, {}, b"{}"), 500, "the engine answered 500"),
        (HTTPResponse(302, {}, b""), 500, "the engine answered 302"),
        (HTTPResponse(200, {}, b"<html>"), 500, "does not look like an Inngest engine"),
        (HTTPResponse(200, {}, b'{"ok":false,"error":"nope"}'), 500, "nope"),
        (TransportError("refused"), 500, "refused; is an engine running there? start one with `inngest dev`"),
    ],
)
def test_a_failure_is_never_200(engine: HTTPResponse | TransportError, status: int, says: str) -> None:
    answer, _ = drive(register(dev(), put(), UNSIGNED), engine)
    assert answer.status == status
    assert {**body_of(answer), "message": ""} == {
        "code": "registration_failed",
        "message": "",
        "modified": False,
        "name": "RegistrationError",
    }
    assert says in body_of(answer)["message"]


def test_modified_is_always_told() -> None:
    answer, _ = drive(register(dev(), put(), UNSIGNED), HTTPResponse(200, {}, b'{"ok":true}'))
    assert answer.body == {"message": "Successfully registered", "modified": False, "ok": True}


def test_in_band() -> None:
    served = cloud({"INNGEST_ENV": "branch", "VERCEL": "1"})
    answer, asked = drive(register(served, put_in_band({"url": "https://app.example/api/inngest"}), Signer(KEY)))
    assert asked == []
    assert (answer.status, answer.headers) == (200, {"x-inngest-sync-kind": "in_band"})
    body = body_of(answer)
    inspection = body.pop("inspection")
    assert body == {
        "app_id": "app",
        "capabilities": {"in_band_sync": "v1", "trust_probe": "v1"},
        "env": "branch",
        "framework": "fast_api",
        "functions": functions_on_the_wire("https://app.example/api/inngest"),
        "platform": "vercel",
        "sdk_author": "inngest",
        "sdk_language": "py",
        "sdk_version": VERSION,
        "url": "https://app.example/api/inngest",
    }
    assert inspection["authentication_succeeded"] is True
    assert inspection["app_id"] == "app"
    assert None not in inspection.values()


def test_in_band_that_is_not_signed_shows_the_public_inspection() -> None:
    answer, _ = drive(register(dev(), put_in_band(), UNSIGNED))
    assert "app_id" not in body_of(answer)["inspection"]


def test_in_band_that_is_not_allowed_is_done_out_of_band() -> None:
    served = cloud({"INNGEST_ALLOW_IN_BAND_SYNC": "0"})
    answer, asked = drive(register(served, put_in_band(), Signer(KEY)))
    assert len(asked) == 1
    assert answer.headers == {"x-inngest-sync-kind": "out_of_band"}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"url":1}', b'{"url":"x"}', b'{"url":""}', b'{"url":"ftp://x/"}', b'{"url":"http://["}'],
)
def test_an_in_band_body_without_a_usable_url(body: bytes) -> None:
    with pytest.raises(BodyInvalidError):
        drive(register(dev(), put(body=body, x_inngest_sync_kind="in_band"), UNSIGNED))


@pytest.mark.parametrize(
    ("make", "kind", "says"), [(dev, "cloud", "unset INNGEST_DEV"), (cloud, "dev", "INNGEST_DEV=1")]
)
def test_an_engine_of_the_other_mode(make: Any, kind: str, says: str) -> None:
    with pytest.raises(ServerKindMismatchError, match=says) as caught:
        drive(register(make(), put(x_inngest_server_kind=kind), UNSIGNED))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("url", "options", "environ", "expected"),
    [
        ("http://h:1/p/api/inngest", {}, {}, "http://h:1/p/api/inngest"),
        ("http://h/x?deployId=1&fnId=2&stepId=3&k=v%26&probe=trust#f", {}, {}, "http://h/x?k=v%26"),
        ("http://h:1/x", {"serve_origin": "https://o.example/"}, {}, "https://o.example/x"),
        ("http://h:1/x", {}, {"INNGEST_SERVE_ORIGIN": "https://e.example"}, "https://e.example/x"),
        ("http://h/x", {"serve_origin": "https://o"}, {"INNGEST_SERVE_ORIGIN": "https://e"}, "https://o/x"),
        ("http://h/x", {"serve_path": "/s"}, {}, "http://h/s"),
        ("http://h/x", {"serve_path": "/s"}, {"INNGEST_SERVE_PATH": "/e"}, "http://h/e"),
        ("http://h/x", {"serve_path": "/s", "public_path": "p"}, {"INNGEST_SERVE_PATH": "/e"}, "http://h/p"),
        ("http://h/p/caf%C3%A9", {"serve_path": "/café"}, {}, "http://h/p/caf%C3%A9"),
        ("http://h/p/caf%C3%A9", {"serve_path": "/caf%c3%a9"}, {}, "http://h/p/caf%C3%A9"),
        ("http://h/p/s/", {"serve_path": "/s"}, {}, "http://h/p/s/"),
        ("http://h/p", {"serve_path": "/"}, {}, "http://h/p"),
        ("http://h/x", {"public_path": "/a b/caf%C3%A9"}, {}, "http://h/a%20b/caf%C3%A9"),
    ],
)
def test_the_advertised_url(url: str, options: ServeOptions, environ: dict[str, str], expected: str) -> None:
    assert advertised_url(url, options, load_config(environ=environ)) == expected


@pytest.mark.parametrize("host", ["evil/x", "h?x=", "h#x", "user@h", "h x", "h\\x", "@"])
@pytest.mark.parametrize("options", [ServeOptions(), ServeOptions(serve_origin="https://app.example")])
def test_a_host_that_is_none_is_refused(host: str, options: ServeOptions) -> None:
    served = dev()
    served.options = options
    with pytest.raises(URLInvalidError) as caught:
        drive(register(served, put(f"http://{host}/api/inngest", host=host), UNSIGNED))
    assert caught.value.message.startswith(f"the Host header of the request is {host!r}, which is not a host name; ")


@pytest.mark.parametrize("host", ["h", "h:1", "[::1]:8000", "xn--caf-dma.example", "h."])
def test_a_host_that_is_one_is_advertised(host: str) -> None:
    _, asked = drive(register(dev(), put(f"http://{host}/api/inngest", host=host), UNSIGNED))
    assert json.loads(asked[0].body)["url"] == f"http://{host}/api/inngest"


def test_urls_that_are_none() -> None:
    config = load_config(environ={})
    for url, options in (("http://[/x", ServeOptions()), (URL, ServeOptions(serve_origin="app.example"))):
        with pytest.raises(URLInvalidError):
            advertised_url(url, options, config)
    assert issubclass(URLInvalidError, InngestError)
