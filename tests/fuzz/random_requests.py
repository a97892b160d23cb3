"""Requests of every kind: the whole POST, PUT and GET surface, right, nearly right, and wrong."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st

from inngest_core.web.messages import Request
from tests.bad_input.served import FALLBACK, KEY, STRANGER, signature
from tests.bad_input.test_signatures import BAD_SIGNATURES
from tests.cases.case import Call, hashed
from tests.stage.engine_api import Answer

from .json_texts import dump, illegal, texts, values, weighted

FUNCTIONS = ("echo", "tools", "parallel", "race", "fails", "events", "typed", "loose")
STEPS = ("run", "sleep", "wait", "invoke", "send", "a", "b", "c", "fails", "typed")
PATH = "/api/inngest"
EVERY_HEALTH_CHECK = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
"""What Hypothesis says of examples as large as these need not be heard."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what the engine answers to whatever the app asks it meanwhile.

    key: the one that signed the request well, if any.
    """

    request: Request
    key: str | None
    engine: Answer


hosts = weighted(
    (12, st.just("shop.example:8000")),
    (1, st.sampled_from(["", "[", "[::1]:80", "[::1", "a]b", "x:y", "x:99999", "user@x", "é", "a b", "//", "?", "#"])),
    (1, st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=8)),
)
paths = weighted(
    (6, st.just(PATH)), (1, st.text(st.characters(max_codepoint=255), max_size=10).map(lambda text: "/" + text))
)
fn_ids = weighted(
    (20, st.sampled_from([f"app-{name}" for name in FUNCTIONS])),
    (2, st.sampled_from(FUNCTIONS)),
    (2, st.sampled_from([f"app-{name}-failure" for name in FUNCTIONS])),
    (1, st.sampled_from(["app-nope", "app", "", "%00", "%ff", "%F0%9F%98%80", "app-\udcff"])),
    (1, texts),
)
step_ids = weighted(
    (10, st.just("step")),
    (8, st.sampled_from([hashed(step) for step in STEPS])),
    (1, st.sampled_from(["", "0" * 40, "%00", hashed("a:1")])),
    (1, texts),
)


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A query string; most have both keys once."""
    parts = [f"fnId={draw(fn_ids)}", f"stepId={draw(step_ids)}"]
    if draw(st.integers(0, 14)) == 14:
        parts = draw(st.lists(st.sampled_from([*parts, "probe=trust", "deployId=1", "deployId=\udcff", "x", "=", "%"])))
        parts.append(draw(texts))
    return "&".join(parts)


@st.composite
def urls(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 30)) == 30:
        return draw(texts)
    scheme = draw(st.sampled_from(["http"] * 12 + ["https", "", "h ttp", "gopher"]))
    return f"{scheme}://{draw(hosts)}{draw(paths)}?{draw(queries())}"


_failures = st.fixed_dictionaries({}, optional={"name": values, "message": values, "stack": values, "cause": values})
memo_values: st.SearchStrategy[Any] = weighted(
    (2, values),
    (4, values.map(lambda value: {"data": value})),
    (1, values.map(lambda value: {"error": value})),
    (1, values.map(lambda value: {"input": value})),
    (1, st.lists(values, max_size=2).map(lambda value: {"input": value})),
    (1, st.fixed_dictionaries({"type": values, "data": values, "error": values})),
    (3, _failures.map(lambda error: {"error": error})),
    (2, st.fixed_dictionaries({"name": texts}, optional={"data": values, "ts": values, "user": values, "v": values})),
)
memo_ids = weighted(
    (6, st.sampled_from([hashed(step) for step in STEPS])), (1, st.sampled_from([hashed("run:1"), "x"])), (1, texts)
)


@st.composite
def call_values(draw: st.DrawFn) -> Any:
    """The JSON value of a call request, with some of its fields changed."""
    steps = draw(st.dictionaries(memo_ids, memo_values, max_size=5))
    call = copy.deepcopy(Call(attempt=draw(st.integers(0, 6)), plan_only=draw(st.booleans())).as_json())
    call["steps"] = steps
    call["ctx"]["stack"] = {"current": len(steps), "stack": draw(st.permutations(list(steps)))}
    call["event"] = draw(st.one_of(st.just(call["event"]), _events()))
    call["events"] = draw(st.one_of(st.just([call["event"]]), st.lists(_events(), max_size=2)))
    call["ctx"]["use_api"] = call["use_api"] = draw(st.integers(0, 7)) == 7
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 3]))):
        _change(draw, call)
    return call


def _events() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"name": texts, "data": st.dictionaries(texts, values, max_size=3)},
        optional={"id": texts, "ts": st.integers(0, 2**53), "user": values, "v": texts, "extra": values},
    )


def _change(draw: st.DrawFn, call: dict[str, Any]) -> None:
    """Replace, remove or add one field, anywhere in *call*."""
    owner: Any = call
    for _ in range(draw(st.integers(0, 3))):
        within: list[Any] = [*(owner.values() if isinstance(owner, dict) else owner)]
        inner: list[Any] = [each for each in within if isinstance(each, dict | list)]
        if not inner:
            break
        owner = draw(st.sampled_from(inner))
    is_object = isinstance(owner, dict)
    keys: Sequence[Any] = [*owner] if is_object else range(len(owner))
    match draw(st.sampled_from(["replace", "remove", "add"])):
        case "add" if is_object:
            owner[draw(texts)] = draw(values)
        case "remove" if keys:
            del owner[draw(st.sampled_from(keys))]
        case _ if keys:
            owner[draw(st.sampled_from(keys))] = draw(weighted((6, values), (1, illegal)))
        case _:
            pass


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Mostly call requests; otherwise what a PUT has, any JSON, or any bytes."""
    kind = draw(
        st.sampled_from(
            ["call"] * 14
            + ["registration"] * 2
            + ["registration", "json", "bytes", "empty", "damaged", "other encoding"]
        )
    )
    match kind:
        case "call":
            return dump(draw(call_values()), ascii_only=draw(st.integers(0, 3)) != 3)
        case "registration":
            url = st.one_of(urls(), st.just("https://shop.example/api/inngest?a=b"), values)
            return dump({"url": draw(url), **draw(st.dictionaries(texts, values, max_size=2))}, ascii_only=True)
        case "json":
            return dump(draw(values), ascii_only=draw(st.booleans()))
        case "bytes":
            return draw(st.binary(max_size=60))
        case "empty":
            return b""
        case "damaged":
            return _damaged(draw, dump(draw(call_values()), ascii_only=False))
        case _:
            encoding = draw(st.sampled_from(["utf-16", "utf-16-le", "utf-32", "utf-8-sig"]))
            return dump(draw(call_values()), ascii_only=True).decode().encode(encoding)


def _damaged(draw: st.DrawFn, body: bytes) -> bytes:
    place = draw(st.integers(0, len(body)))
    return body[:place] + draw(st.binary(max_size=3)) + body[place + draw(st.integers(0, 3)) :]


def _signed(draw: st.DrawFn, body: bytes) -> tuple[str | None, str | None]:
    """Return a signature header, and the key when it is a good one."""
    how = draw(st.sampled_from(["good"] * 6 + ["fallback", "none", "none", "bad", "stranger", "old", "text"]))
    match how:
        case "good":
            return signature(body, key=KEY), KEY
        case "fallback":
            return signature(body, key=FALLBACK), FALLBACK
        case "bad":
            return draw(st.sampled_from(list(BAD_SIGNATURES.values()))), None
        case "stranger":
            return signature(body, key=STRANGER), None
        case "old":
            return signature(body, seconds=time.time() + draw(st.sampled_from([-400, 400, -(10**9)]))), None
        case "text":
            return draw(st.text(st.characters(max_codepoint=255))), None
        case _:
            return None, None


header_texts = st.one_of(
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12),
    st.sampled_from(["dev", "cloud", "in_band", "out_of_band", "2", "9" * 5000]),
)
headers = st.dictionaries(
    st.one_of(
        st.sampled_from(
            ["x-inngest-server-kind", "x-inngest-sync-kind", "x-inngest-req-version", "x-run-id", "traceparent", "host"]
        ),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=10).map(str.lower),
    ),
    header_texts,
    max_size=3,
)
_usual: st.SearchStrategy[Mapping[str, str]] = st.sampled_from([{}, {"x-inngest-sync-kind": "in_band"}])

engine_answers: st.SearchStrategy[Answer] = st.tuples(
    st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 404, 410]),
    st.one_of(
        st.just(b'{"ids":["1"],"status":200,"ok":true}'),
        st.dictionaries(memo_ids, memo_values, max_size=3).map(lambda memos: dump(memos, ascii_only=True)),
        values.map(lambda value: dump(value, ascii_only=True)),
        values.map(lambda value: dump({"ids": value, "error": value, "ok": value}, ascii_only=True)),
        st.binary(max_size=10),
    ),
)


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    """A request of any kind; more than half of them are POSTs."""
    body = draw(bodies())
    header, key = _signed(draw, body)
    given = {**draw(headers), **draw(_usual)} if draw(st.booleans()) else {}
    given.pop("x-inngest-signature", None)
    if header is not None:
        given["x-inngest-signature"] = header
    method = draw(weighted((30, st.just("POST")), (6, st.just("PUT")), (2, st.just("GET")), (1, st.text(max_size=6))))
    return Asked(Request(method, draw(urls()), given, body), key, draw(engine_answers))
