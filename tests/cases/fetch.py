"""step.fetch: a Gateway op for the engine, or a request that the app makes; the answer as an httpx.Response."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, cast

import inngest

from .case import (
    Build,
    Call,
    Case,
    EngineAnswer,
    EngineRequest,
    Expected,
    HandlerKind,
    Saying,
    both,
    error,
    op,
    raised,
    returned,
)

URL = "https://api.test/people"
ANSWER = {
    "url": URL,
    "status_code": 207,
    "headers": {"Content-Type": "application/json", "X-Foo": "bar"},
    "body": '{"a":"é"}',
}
MEMO = {"data": ANSWER}


def asked(**opts: object) -> Expected:
    """Expect the op; it has no name."""
    wanted = op("Gateway", "ask", opts={"url": URL, "method": "GET", "headers": {}, **opts})
    del wanted["name"]
    return Expected(body=[wanted])


def of(url: str = URL, **options: Any) -> Build:
    """Return a builder of a function that fetches, and tells of the answer."""

    def fetches(ctx: inngest.ContextSync) -> object:
        response = ctx.step.fetch("ask", url, **options)
        return [response.status_code, response.headers.get("x-foo"), response.text, str(response.url)]

    async def fetches_async(ctx: inngest.Context) -> object:
        response = await ctx.step.fetch("ask", url, **options)
        return [response.status_code, response.headers.get("x-foo"), response.text, str(response.url)]

    return both(fetches, fetches_async)


def reads_json(ctx: inngest.ContextSync) -> object:
    response = ctx.step.fetch("ask", URL)
    response.raise_for_status()
    return response.json()


async def reads_json_async(ctx: inngest.Context) -> object:
    response = await ctx.step.fetch("ask", URL)
    response.raise_for_status()
    return response.json()


def catches(ctx: inngest.ContextSync) -> object:
    try:
        ctx.step.fetch("ask", URL)
    except inngest.StepError as failed:
        return [failed.name, failed.message]
    return "no error"


async def catches_async(ctx: inngest.Context) -> object:
    try:
        await ctx.step.fetch("ask", URL)
    except inngest.StepError as failed:
        return [failed.name, failed.message]
    return "no error"


JSON_TYPE = {"content-type": "application/json"}

plain = Case(build=of(), expect=asked())
query_and_headers = Case(
    build=of(params={"page": 2, "tag": ["a", "b"]}, headers=[("X-A", "b"), ("X-A", "c")]),
    expect=asked(url=f"{URL}?page=2&tag=a&tag=b", headers={"x-a": "b, c"}),
)
json_body = Case(
    build=of(method="post", json={"when": datetime.date(2026, 1, 2), "n": 1.5}),
    expect=asked(method="POST", headers=JSON_TYPE, body='{"when":"2026-01-02","n":1.5}'),
)
json_with_a_type_of_its_own = Case(
    build=of(method="PATCH", json=[1], headers={"Content-Type": "application/merge-patch+json"}),
    expect=asked(method="PATCH", headers={"content-type": "application/merge-patch+json"}, body="[1]"),
)
content_that_is_json = Case(
    build=of(method="PUT", content=b'{ "a": 1 }'), expect=asked(method="PUT", body='{ "a": 1 }')
)
memo = Case(build=of(), call=Call(steps={"ask": MEMO}), expect=returned([207, "bar", '{"a":"é"}', URL]))
memo_as_json = Case(
    build=both(reads_json, reads_json_async), call=Call(steps={"ask": MEMO}), expect=returned({"a": "é"})
)
memo_that_was_compressed = Case(
    build=of(),
    call=Call(
        steps={
            "ask": {
                "data": {
                    **ANSWER,
                    "headers": {
                        "Content-Encoding": "gzip",
                        "Content-Length": "9999",
                        "Transfer-Encoding": "chunked",
                        "Content-Type": "text/plain; charset=latin-1",
                    },
                }
            }
        }
    ),
    expect=returned([207, None, '{"a":"é"}', URL]),
)
memo_of_an_error_status = Case(
    build=both(reads_json, reads_json_async),
    call=Call(steps={"ask": {"data": {**ANSWER, "status_code": 404}}}),
    expect=raised(error("HTTPStatusError", Saying("404", URL))),
)
no_answer = Case(
    build=both(catches, catches_async),
    call=Call(steps={"ask": {"error": {"name": "GatewayError", "message": "Error making gateway request: refused"}}}),
    expect=returned(["GatewayError", "Error making gateway request: refused"]),
)
memo_that_is_no_answer = Case(
    build=of(),
    call=Call(steps={"ask": {"data": {"status_code": 200}}}),
    expect=raised(
        error("OutputUnserializableError", Saying('step "ask"', "not the answer"), code="output_unserializable"),
        no_retry=True,
    ),
)


def refused(*parts: str) -> Expected:
    return raised(error("ConfigError", Saying('step "ask"', *parts), code="config_invalid"), no_retry=True)


text = Case(build=of(method="POST", content="hi"), expect=refused("the body is not JSON", "offload=False"))
form = Case(build=of(method="POST", data={"a": 1}), expect=refused("the body is not JSON", "offload=False"))
not_text = Case(build=of(method="POST", content=b"\xff\x00"), expect=refused("the body is not JSON"))
time_out = Case(build=of(timeout=1000), expect=refused("timeout", "offload=False"))
two_bodies = Case(build=of(json=1, content="1"), expect=refused("json and content"))
relative = Case(build=of("/people"), expect=refused("absolute"))
of_a_file = Case(build=of("file:///etc/passwd"), expect=refused("absolute"))
bad_header = Case(build=of(headers={"x-a": 1}), expect=refused("cannot be made"))
header_of_two_lines = Case(build=of(headers={"x-a": "1\r\nx-b: 2"}), expect=refused("headers", "one line"))
bad_name_of_a_header = Case(build=of(headers={"x a": "1"}), expect=refused("headers", "x a"))
no_method = Case(build=of(method=""), expect=refused("method is ''", '"POST"'))
method_of_two_lines = Case(build=of(method="GET /\r\nx"), expect=refused("method is", '"POST"'))
chunks = Case(build=of(method="POST", content=iter([b"1"])), expect=refused("content is", "a text or bytes"))
byte_array = Case(build=of(method="POST", content=bytearray(b"1")), expect=refused("content is", "a text or bytes"))
data_that_is_text = Case(
    build=of(method="POST", data="a=1", offload=False), expect=refused("data is", "as a dict", "content=")
)


class Answered:
    """Equals the result of a request that the app made, whatever the headers of the answer are."""

    def __init__(self, status: int, body: str) -> None:
        self._parts = status, body

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return False
        answer = cast("dict[str, Any]", other)
        keys = {"url", "status_code", "headers", "body"}
        return answer.keys() == keys and (answer["status_code"], answer["body"]) == self._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return f"<an answer {self._parts}>"


def here(path: str = "/people", **options: Any) -> Build:
    """Return a builder of a function that fetches from the engine double, in the app."""

    def build(client: inngest.Inngest, kind: HandlerKind) -> Sequence[inngest.Function[Any]]:
        return of(client.api_origin + path, offload=False, **options)(client, kind)

    return build


HERE = {"type": "step.fetch"}
PEOPLE = {"GET /people": [EngineAnswer(404, {"error": "nobody"})], "POST /people": [EngineAnswer(201, {"id": 1})]}

made_in_the_app = Case(
    build=here(params={"page": 2}, timeout=datetime.timedelta(seconds=20)),
    engine=PEOPLE,
    expect=Expected(
        body=[op("StepRun", "ask", data=Answered(404, '{"error": "nobody"}'), opts=HERE)],
        engine=[EngineRequest("GET", "/people?page=2")],
    ),
)
json_from_the_app = Case(
    build=here(method="POST", json={"name": "Ada"}),
    engine=PEOPLE,
    expect=Expected(
        body=[op("StepRun", "ask", data=Answered(201, '{"id": 1}'), opts=HERE)],
        engine=[EngineRequest("POST", "/people", {"name": "Ada"})],
    ),
)
memo_of_bytes = Case(
    build=of(offload=False),
    call=Call(steps={"ask": {"data": {**ANSWER, "headers": {}, "body": "w6k=", "encoding": "base64"}}}),
    expect=returned([207, None, "é", URL]),
)
planned_in_the_app = Case(
    build=here(), call=Call(plan_only=True), expect=Expected(body=[op("StepPlanned", "ask", opts=HERE)])
)
nobody_there = Case(
    build=of("http://127.0.0.1:9/", offload=False),
    expect=Expected(
        body=[
            op(
                "StepError",
                "ask",
                error=error("FetchError", Saying("http://127.0.0.1:9"), code="fetch_failed"),
                opts=HERE,
            )
        ]
    ),
)
time_out_that_is_none = Case(build=of(offload=False, timeout="soon"), expect=refused("timeout"))
