"""Parsing any bytes gives a value or our error; what is dumped is what the page says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import (
    RUN_COMPLETE_ID,
    Op,
    Opcode,
    dump_json,
    dump_op,
    dump_ops,
    hash_id,
    parse_call,
    parse_json,
    parse_object,
    strip_nulls,
)
from tests.cases.case import RUN_ID, Call, hashed

ANY_TEXT = strategies.text()
JSON_VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=15,
)
FINITE = JSON_VALUES.filter(lambda value: "Infinity" not in json.dumps(value))


@given(strategies.binary())
def test_any_bytes_give_a_value_or_our_error(body: bytes) -> None:
    for parse in (parse_json, parse_object, parse_call):
        try:
            parse(body)
        except BodyInvalidError as error:
            assert error.message


@given(FINITE)
def test_what_is_json_is_read_exactly(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(dump_json(value)) == value


@given(FINITE)
def test_any_json_as_a_call_gives_a_call_or_our_error(value: Any) -> None:
    for body in (value, {"ctx": value}, {"event": {}, "ctx": {"run_id": "r", "stack": value}}, {"steps": value}):
        try:
            parse_call(json.dumps(body).encode())
        except BodyInvalidError as error:
            assert error.message


@given(strategies.sampled_from(sorted(Call().as_json())), FINITE)
def test_a_call_with_one_wrong_field(name: str, value: Any) -> None:
    body = {**Call().as_json(), name: value}
    try:
        call = parse_call(json.dumps(body).encode())
    except BodyInvalidError as error:
        assert name in error.message or name == "use_api"
    else:
        assert call.ctx.run_id == RUN_ID


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "[NaN]", '{"a":[1,Infinity]}', "[" * 300 + "NaN"])
def test_constants_that_are_not_json(text: str) -> None:
    with pytest.raises(BodyInvalidError):
        parse_json(text.encode())


def test_big_integers_are_exact() -> None:
    for number in (2**53 + 1, 2**64 + 1, -(2**200), 10**4000):
        assert parse_json(str(number).encode()) == number


def test_integers_past_what_python_reads() -> None:
    with pytest.raises(BodyInvalidError):
        parse_json(b"1" + b"0" * 5000)


@pytest.mark.parametrize("depth", [100, 199, 200, 201, 500])
def test_deep_nesting_is_kept(depth: int) -> None:
    value = parse_json(b"[" * depth + b"7" + b"]" * depth)
    for _ in range(depth):
        [value] = value
    assert value == 7


def test_nesting_that_is_too_deep_is_refused() -> None:
    with pytest.raises(BodyInvalidError):
        parse_json(b"[" * 200_000 + b"]" * 200_000)


def test_lone_surrogates_survive() -> None:
    assert parse_json(b'"\\ud800"') == "\ud800"
    assert dump_json("\ud800") == b'"\\ud800"'


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'"x"', b"true", b"1.5"])
def test_an_object_is_wanted(body: bytes) -> None:
    with pytest.raises(BodyInvalidError, match="expected an object"):
        parse_object(body)


def test_a_call() -> None:
    call = parse_call(Call(steps={"a": {"data": 1}}, attempt=3, plan_only=True).body())
    assert call.ctx.run_id == RUN_ID
    assert (call.ctx.attempt, call.ctx.max_attempts, call.ctx.disable_immediate_execution) == (3, 4, True)
    assert list(call.ctx.stack) == [hashed("a")]
    assert call.steps == {hashed("a"): {"data": 1}}


def test_what_an_engine_leaves_out() -> None:
    call = parse_call(b'{"ctx":{"run_id":"r"},"event":{"name":"x"}}')
    assert (call.ctx.attempt, call.ctx.max_attempts, list(call.ctx.stack), call.ctx.use_api) == (0, None, [], False)
    assert (call.events, call.steps) == ([], {})
    nulls = parse_call(b'{"ctx":{"run_id":"r","stack":null,"attempt":null},"event":{},"events":null,"steps":null}')
    assert (list(nulls.ctx.stack), nulls.events, nulls.steps) == ([], [], {})


@pytest.mark.parametrize("where", ["ctx", "top", "both"])
def test_use_api_in_either_place(where: str) -> None:
    ctx: dict[str, object] = {"run_id": "r", **({"use_api": True} if where != "top" else {})}
    top: dict[str, object] = {"use_api": True} if where != "ctx" else {}
    assert parse_call(json.dumps({"ctx": ctx, "event": {}, **top}).encode()).ctx.use_api


def test_ids() -> None:
    assert hash_id("a") == hashed("a") == "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"  # recorded
    assert hash_id("again", 1) == hashed("again:1") == "90256d120c479731984defcfd970e7e8a706ae99"  # recorded
    assert RUN_COMPLETE_ID == "0737c22d3bfae812339732d14d8c7dbd6dc4e09c"  # recorded


def test_an_op_says_nothing_that_is_empty() -> None:
    assert json.loads(dump_op(Op(op=Opcode.SLEEP, id="i", name="1s", opts={}))) == {
        "op": "Sleep",
        "id": "i",
        "name": "1s",
        "data": None,
    }
    assert json.loads(dump_op(Op(op=Opcode.STEP_RUN, id="i", step_id="a", index=2))) == {
        "op": "StepRun",
        "id": "i",
        "userland": {"id": "a", "index": 2},
        "data": None,
    }


def test_ops_are_an_array() -> None:
    assert dump_ops([]) == b"[]"
    two = [Op(op=Opcode.STEP_RUN, id="é", data=b'{"a":1}'), Op(op=Opcode.RUN_COMPLETE, id="j", data=b'"x"')]
    assert [each["data"] for each in json.loads(dump_ops(two))] == [{"a": 1}, "x"]


@given(FINITE)
def test_nulls_are_stripped_at_any_depth(value: Any) -> None:
    text = json.dumps(strip_nulls({"value": value}))
    assert '": null' not in text.replace('\\"', "")


def test_items_of_arrays_keep_their_nulls() -> None:
    assert strip_nulls({"a": None, "b": [None, {"c": None, "d": 1}]}) == {"b": [None, {"d": 1}]}


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), b"x"])
def test_what_is_not_json_is_not_dumped(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        dump_json(value)
