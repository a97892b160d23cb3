"""What real engines sent is sent again; what other SDKs answered, and engines took, must be answered here too."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import inngest
from inngest_core.runtime.drivers import run_async, run_sync
from inngest_core.runtime.effects import Effect, Flow, Now
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response
from tests.stage.engine_api import EngineDouble

from .cases.case import HandlerKind, read_answer
from .golden import python_functions, typescript_functions
from .golden.page import as_the_page_says, op_as_the_page_says

RECORDINGS = Path(__file__).parent / "golden" / "recordings"
KEY = "0123456789abcdef" * 4
FALLBACK = "fedcba9876543210" * 4
ORIGIN = "http://127.0.0.1:8411"

Exchange = dict[str, Any]
Functions = Callable[[inngest.Inngest], list[inngest.Function[Any]]]
Drive = Callable[[Flow[Response], inngest.Inngest], Response]


def recorded(name: str) -> list[Exchange]:
    lines = (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def calls(name: str, path: str = "/api/inngest") -> list[Any]:
    """Return the recorded call requests, each named after its function, its target and its line."""
    found: list[Any] = []
    for number, exchange in enumerate(recorded(name), 1):
        request = exchange["request"]
        if exchange["direction"] == "engine-to-sdk" and request["method"] == "POST" and request["path"] == path:
            fn_id, step = (part.partition("=")[2] for part in request["query"].split("&"))
            found.append(pytest.param(exchange, id=f"{number}-{fn_id}-{step[:6]}"))
    return found


def typescript_calls(prefix: str) -> list[Any]:
    served = tuple(f"fnId=ts{prefix}-{name}&" for name in typescript_functions.SERVED)
    return [
        each
        for each in calls("typescript-dev", f"/api/{prefix}")
        if each.values[0]["request"]["query"].startswith(served)
    ]


def drive_sync(flow: Flow[Response], client: inngest.Inngest) -> Response:
    return run_sync(flow, client.resources)


def drive_async(flow: Flow[Response], client: inngest.Inngest) -> Response:
    return asyncio.run(run_async(flow, client.resources))


KINDS = pytest.mark.parametrize("kind", HandlerKind)
DRIVERS = pytest.mark.parametrize("drive", [drive_sync, drive_async])


def at(seconds: float, flow: Flow[Response]) -> Flow[Response]:
    """Pass the effects of *flow* on, except that it is *seconds* now."""
    try:
        effect: Effect = next(flow)
        while True:
            if isinstance(effect, Now):
                effect = flow.send(seconds)
                continue
            try:
                result = yield effect
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        response: Response = end.value
        return response


def digest(body: bytes, seconds: str, key: str = KEY) -> str:
    return hmac.new(key.encode(), body + seconds.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def client(engine: EngineDouble, request: pytest.FixtureRequest) -> Iterator[inngest.Inngest]:
    """A client of the app_id that the test asks for, in dev mode unless it asks for keys."""
    options: dict[str, Any] = {
        "checkpointing": False,
        **getattr(request, "param", {"app_id": "capture", "is_production": False}),
    }
    with inngest.Inngest(
        api_base_url=engine.origin,
        event_api_base_url=engine.origin,
        event_key="test",
        logger=logging.Logger("silent"),
        **options,
    ) as made:
        yield made


def expect_recorded(exchange: Exchange, response: Response) -> None:
    wanted = as_the_page_says(exchange["response"], memoized=bool(exchange["request"]["body"]["steps"]))
    body = read_answer(response.content)
    assert body == wanted.body
    assert response.status == wanted.status
    assert ("retry-after" in response.headers) == wanted.retry_after
    assert (response.headers.get("x-inngest-no-retry") == "true") == wanted.no_retry


def url(exchange: Exchange) -> str:
    request = exchange["request"]
    return f"{ORIGIN}{request['path']}?{request['query']}"


def answer_events(engine: EngineDouble, exchange: Exchange) -> None:
    """Let the engine double give the ids that were recorded, if there were any."""
    answer = exchange["response"]
    ids: Any = answer["body"][0].get("data") if answer["status"] == 206 else None
    engine.reset({"POST /e/test": [(200, {"ids": ids, "status": 200})]})


def serve(kind: HandlerKind, client: inngest.Inngest, module: Any = python_functions) -> App:
    make: Functions = module.sync_functions if kind is HandlerKind.SYNC else module.async_functions
    return App(client, make(client), framework="fast_api")


@DRIVERS
@KINDS
@pytest.mark.parametrize("exchange", calls("python-dev"))
def test_python_dev(
    exchange: Exchange, kind: HandlerKind, drive: Drive, client: inngest.Inngest, engine: EngineDouble
) -> None:
    answer_events(engine, exchange)
    body = json.dumps(exchange["request"]["body"]).encode()
    request = Request("POST", url(exchange), exchange["request"]["headers"], body)
    expect_recorded(exchange, drive(serve(kind, client).handle(request), client))


SIGNED = {"app_id": "capture", "is_production": True, "signing_key": KEY}


@DRIVERS
@KINDS
@pytest.mark.parametrize("client", [SIGNED], indirect=True, ids=["cloud"])
@pytest.mark.parametrize("exchange", calls("python-signed"))
def test_python_signed(
    exchange: Exchange, kind: HandlerKind, drive: Drive, client: inngest.Inngest, engine: EngineDouble
) -> None:
    answer_events(engine, exchange)
    given = exchange["request"]
    headers = dict(given["headers"])
    seconds = headers["x-inngest-signature"].partition("&")[0].removeprefix("t=")
    if "raw_body" in given:
        body = given["raw_body"].encode()
        assert json.loads(body) == given["body"]
    else:  # a trace was replaced in it: sign it anew
        body = json.dumps(given["body"]).encode()
        headers["x-inngest-signature"] = f"t={seconds}&s={digest(body, seconds)}"
    request = Request("POST", url(exchange), headers, body)
    response = drive(at(float(seconds), serve(kind, client).handle(request)), client)
    expect_recorded(exchange, response)
    assert response.headers["x-inngest-signature"] == f"t={seconds}&s={digest(response.content, seconds)}"


def test_most_of_the_signed_calls_have_their_raw_bytes() -> None:
    exchanges = [each.values[0]["request"] for each in calls("python-signed")]
    assert (len(exchanges), sum("raw_body" in each for each in exchanges)) == (43, 37)


@pytest.mark.parametrize("client", [SIGNED], indirect=True, ids=["cloud"])
@pytest.mark.parametrize(
    "exchange", [each for each in calls("python-signed") if "raw_body" in each.values[0]["request"]]
)
def test_a_signed_call_is_refused_when_one_byte_or_the_time_differs(
    exchange: Exchange, client: inngest.Inngest
) -> None:
    given = exchange["request"]
    body = given["raw_body"].encode()
    seconds = float(given["headers"]["x-inngest-signature"].partition("&")[0].removeprefix("t="))
    app = serve(HandlerKind.SYNC, client)
    changed = body.replace(b'"attempt":0', b'"attempt":1') if b'"attempt":0' in body else body.replace(b"1", b"2", 1)
    for sent, now in ((changed, seconds), (body, seconds + 301), (body, seconds - 301)):
        request = Request("POST", url(exchange), given["headers"], sent)
        response = drive_sync(at(now, app.handle(request)), client)
        assert (response.status, json.loads(response.content)["code"]) == (401, "sig_verification_failed")


SIGNALLED = "01M81JR7VTY3F6938VHNEGPM63"
"""The run that waited for the signal."""


@DRIVERS
@KINDS
@pytest.mark.parametrize("client", [{"app_id": "tsnocp", "is_production": False}], indirect=True, ids=["dev"])
@pytest.mark.parametrize("exchange", typescript_calls("nocp"))
def test_typescript(
    exchange: Exchange, kind: HandlerKind, drive: Drive, client: inngest.Inngest, engine: EngineDouble
) -> None:
    engine.reset({"POST /v1/signals": [(200, {"data": {"run_id": SIGNALLED}})]})
    body = json.dumps(exchange["request"]["body"]).encode()
    request = Request("POST", url(exchange), exchange["request"]["headers"], body)
    expect_recorded(exchange, drive(serve(kind, client, typescript_functions).handle(request), client))


def saved_in(exchange: Exchange) -> list[Any]:
    """Return the steps that TypeScript saved during a call."""
    request_id = exchange["request"]["body"]["ctx"]["request_id"]
    bodies = [
        each["request"]["body"] for each in recorded("typescript-dev") if "/checkpoint/" in each["request"]["path"]
    ]
    return [
        [op_as_the_page_says(step) for step in body["steps"]] for body in bodies if body["request_id"] == request_id
    ]


CHECKPOINTING = {"app_id": "tscp", "is_production": False, "checkpointing": True}


@DRIVERS
@KINDS
@pytest.mark.parametrize("client", [CHECKPOINTING], indirect=True, ids=["dev"])
@pytest.mark.parametrize("exchange", typescript_calls("cp"))
def test_typescript_with_checkpointing(
    exchange: Exchange, kind: HandlerKind, drive: Drive, client: inngest.Inngest, engine: EngineDouble
) -> None:
    run_id = exchange["request"]["body"]["ctx"]["run_id"]
    signals = [each for each in recorded("typescript-dev") if each["request"]["path"] == "/v1/signals"]
    told = next(each["response"]["body"] for each in signals if each["request"]["body"]["signal"].startswith("cp-"))
    engine.reset({"POST /v1/signals": [(200, told)], f"POST /v1/checkpoint/{run_id}/async": [(200, b"")]})
    body = json.dumps(exchange["request"]["body"]).encode()
    request = Request("POST", url(exchange), exchange["request"]["headers"], body)
    expect_recorded(exchange, drive(serve(kind, client, typescript_functions).handle(request), client))
    saves = [read_answer(each.body) for each in engine.requests if "/checkpoint/" in each.path]
    assert [save["steps"] for save in saves] == saved_in(exchange)
    ctx = exchange["request"]["body"]["ctx"]
    assert all(save[key] == ctx[key] for save in saves for key in ("run_id", "fn_id", "qi_id", "generation_id"))


def test_the_recording_has_steps_that_were_saved() -> None:
    steps = [step for each in typescript_calls("cp") for save in saved_in(each.values[0]) for step in save]
    assert [step["name"] for step in steps].count("after") == 1
    assert len(steps) >= 6


STRANGERS = ("introspection unsigned", "introspection badly signed", "introspection from a dev server")
"""Recorded from a release that answered them; since the next one, cloud mode tells strangers nothing."""
REFUSED = {"content-type": "application/json", "x-inngest-sdk-handled": "true"}
RAW = {**SIGNED, "signing_key_fallback": FALLBACK, "app_version": "v9"}


def one_function(client: inngest.Inngest) -> App:
    @client.create_function(fn_id="plain", trigger=inngest.TriggerEvent(event="cap/plain"))
    def plain(ctx: inngest.ContextSync) -> object:
        return {"hello": ctx.event.data.get("who")}

    return App(client, [plain], framework="fast_api")


def raw_exchanges(*, to_strangers: bool) -> list[Any]:
    chosen = [each for each in recorded("signed-raw") if (each["name"] in STRANGERS) is to_strangers]
    return [pytest.param(each, id=each["name"]) for each in chosen]


def raw_request(exchange: Exchange) -> Request:
    given = exchange["request"]
    return Request(given["method"], given["url"], given["headers"], given["raw_body"].encode())


def raw_as_the_page_says(body: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return the recorded body with what this SDK says in other words, or besides."""
    for part in (body, body.get("inspection") or {}):
        if "capabilities" in part:
            part["capabilities"] = {"in_band_sync": "v1", "trust_probe": "v1"}  # no Connect yet
        if "sdk_version" in part:
            part["sdk_version"] = inngest.__version__
        for key in ("api_origin", "event_api_origin"):
            if key in part:
                part[key] = origin
    if "inspection" in body:
        body["capabilities"] = {"in_band_sync": "v1", "trust_probe": "v1"}  # they are in the body, too
    body.pop("message", None)  # messages are our own
    return body


@pytest.mark.parametrize("client", [RAW], indirect=True, ids=["cloud"])
@pytest.mark.parametrize("exchange", raw_exchanges(to_strangers=True))
def test_strangers_are_refused(exchange: Exchange, client: inngest.Inngest) -> None:
    response = drive_sync(at(1795353565, one_function(client).handle(raw_request(exchange))), client)
    assert (response.status, response.headers) == (401, REFUSED)


@pytest.mark.parametrize("client", [RAW], indirect=True, ids=["cloud"])
@pytest.mark.parametrize("exchange", raw_exchanges(to_strangers=False))
def test_signed_raw(exchange: Exchange, client: inngest.Inngest, engine: EngineDouble) -> None:
    was = exchange["response"]
    response = drive_sync(at(1795353565, one_function(client).handle(raw_request(exchange))), client)
    body, wanted = json.loads(response.content), json.loads(was["raw_body"])
    if wanted is not None:  # the trust probe's is null
        body.pop("message", None)
        wanted = raw_as_the_page_says(wanted, engine.origin)
    assert response.status == was["status"]
    assert body == wanted
    assert response.headers.get("x-inngest-sync-kind") == was["headers"].get("x-inngest-sync-kind")
    signature = response.headers.get("x-inngest-signature")
    assert (signature is None) == ("x-inngest-signature" not in was["headers"])
    if signature is not None:
        key = FALLBACK if "fallback" in exchange["name"] else KEY
        assert signature == f"t=1795353565&s={digest(response.content, '1795353565', key)}"
