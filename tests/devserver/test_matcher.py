"""Expressions: what matches, what does not, and that nothing an event holds can raise."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_devserver import matcher
from inngest_devserver.matcher import Expression, ExpressionError, prepare


def event(**data: object) -> dict[str, object]:
    return {"name": "shop/order.placed", "id": "e1", "ts": 1_700_000_000_000, "data": data}


MATCHES: list[tuple[str, dict[str, object]]] = [
    ("event.name == 'shop/order.placed'", {}),
    ("event.ts > 1600000000000", {}),
    ("event.data.x == 2", {"x": 2.0}),
    ("event.data.x == 2.0", {"x": 2}),
    ("event.data.x > 1.5", {"x": 2}),
    ("event.data.x >= 10", {"x": 10.5}),
    ("event.data.x == -1", {"x": -1.0}),
    ("2 in event.data.x", {"x": [1, 2.0]}),
    ("event.data.x == [1, 2]", {"x": [1, 2.0]}),
    ("event.data.x == {'a': 1}", {"x": {"a": 1.0}}),
    ("event.data.x == 1234567890123456789", {"x": 1234567890123456789}),
    ("event.data.x > 9223372036854775807", {"x": 2**64}),
    ("event.data.x < 0", {"x": -(10**400)}),
    ("event.data.x", {"x": True}),
    ("!event.data.x", {"x": False}),
    ("event.data.x == null", {"x": None}),
    ("has(event.data.x)", {"x": None}),
    ("!has(event.data.x)", {}),
    ("has(event.data.x) && event.data.x.y == 'z'", {"x": {"y": "z"}}),
    ("event.data['a-b'] == 1", {"a-b": 1}),
    ("event.data.x[1].y.z == 'q'", {"x": [0, {"y": {"z": "q"}}]}),
    ("event.data.x in ['a', 'b']", {"x": "a"}),
    ("'k' in event.data.x", {"x": {"k": 1}}),
    ("event.data.x.startsWith('ab') && event.data.x.endsWith('c') && event.data.x.contains('b')", {"x": "abc"}),
    ("event.data.x.matches('^a.*c$')", {"x": "abc"}),
    ("event.data.x.lowerAscii() == 'abc'", {"x": "ABC"}),
    ("event.data.x == 'é😀'", {"x": "é😀"}),
    ("event.data.x == '😀'", {"x": "\ud83d\ude00"}),
    ("event.data.x.exists(i, i.sku == 'b')", {"x": [{"sku": "a"}, {"sku": "b"}]}),
    ("size(event.data.x) == 2", {"x": [1, 2]}),
    ("event.data.missing == 1 || event.data.x == 1", {"x": 1}),
    ("timestamp(event.data.x) > timestamp('2024-01-01T00:00:00Z')", {"x": "2025-01-01T00:00:00Z"}),
    ("event.data.x == 1", {"x": 1, "other": 2**70, "nan": float("nan"), "odd": object()}),
]

NO_MATCHES: list[tuple[str, dict[str, object]]] = [
    ("event.data.x == 'a'", {}),
    ("event.data.x.y.z == 'a'", {"x": {}}),
    ("has(event.data.x.y)", {}),
    ("event.data.x[3] == 1", {"x": []}),
    ("event.data.missing == 1 && event.data.x == 1", {"x": 1}),
    ("event.data.x == 1", {"x": True}),
    ("event.data.x == true", {"x": 1}),
    ("event.data.x == '1'", {"x": 1}),
    ("event.data.x > 'a'", {"x": 3}),
    ("event.data.x.startsWith('a')", {"x": 3}),
    ("event.data.x.matches('(')", {"x": "a"}),
    ("event.data.x", {"x": "true"}),
    ("event.data.x", {"x": 1}),
    ("event.data.x == event.data.x", {"x": object()}),
    ("1 / event.data.x == 1", {"x": 0}),
]


@pytest.mark.parametrize(("text", "data"), MATCHES)
def test_matches(text: str, data: dict[str, object]) -> None:
    assert Expression(text).matches(event(**data))


@pytest.mark.parametrize(("text", "data"), NO_MATCHES)
def test_does_not_match(text: str, data: dict[str, object]) -> None:
    assert not Expression(text).matches(event(**data))


def test_async_is_a_variable() -> None:
    waits = Expression("event.data.id == async.data.id")
    assert waits.matches(event(id="a"), event(id="a"))
    assert not waits.matches(event(id="a"), event(id="b"))
    assert not waits.matches(event(id="a"), event())
    assert not waits.matches(event(id="a"))


def test_evaluate_returns_plain_python() -> None:
    placed = event(id="a", items=[{"n": 1}, {"n": 2.5}], none=None)
    assert Expression("event.data.id + '-' + event.name").evaluate(placed) == "a-shop/order.placed"
    assert Expression("event.data.items").evaluate(placed) == [{"n": 1}, {"n": 2.5}]
    assert Expression("{'a': event.data}").evaluate(placed) == {"a": placed["data"]}
    assert Expression("event.data.none").evaluate(placed) is None
    assert Expression("event.data.missing").evaluate(placed) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expression '': it is empty"),
        ("  ", "it is empty"),
        ("event.data.x =", "expression 'event.data.x =': column 14: token recognition error"),
        ("event.data.x == ", "column 17"),
        ("foo == 1", "expression 'foo == 1': column 1: undeclared reference to 'foo'"),
        ("event.data.x\n  == ]", "line 2, column 6"),
        ("event.data.x == 12345678901234567890", "column 17: invalid int literal"),
        ("(" * 200 + "1" + ")" * 200, "recursion limit exceeded"),
        ("'" + "x" * 5000, "(5001 characters)"),
        ("event.data.x == '\ud800'", "valid Unicode"),
    ],
)
def test_what_does_not_compile_says_where_and_why(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert "INVALID_ARGUMENT" not in message
    assert len(message) < 600


def nested(depth: int, leaf: object = 1) -> object:
    value = leaf
    for _ in range(depth):
        value = {"a": [value]}
    return value


ODD: list[object] = [
    None,
    True,
    1,
    "text",
    [],
    [1],
    {},
    {"data": None},
    {"data": []},
    {"data": {"x": "\ud800"}},
    {"data": {"\ud800": 1}},
    {"data": {"x": 2**70}},
    {"data": {"x": 10**5000}},
    {"data": {"x": float("inf")}},
    {"data": {1: 2, None: 3}},
    {"data": {"x": b"bytes"}},
    {"data": {"x": "a\0b"}},
    {"data": {"x": object()}},
    {"data": nested(100_000)},
    {"data": {"x": nested(5_000)}},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_odd_data_is_no_match(odd: object) -> None:
    text = "event.data.x == 'a' || async.data.x == 'a' || event.data.x.exists(i, i == async)"
    assert Expression(text).matches(odd, odd) is False
    assert Expression(text).matches(odd) is False


def test_what_lies_deeper_than_an_expression_reaches_equals_nothing() -> None:
    same = Expression("event.data.x == async.data.x")
    assert same.matches(event(x=nested(20)), event(x=nested(20)))
    assert not same.matches(event(x=nested(200)), event(x=nested(200)))
    assert Expression("event.data.y == 1").matches(event(x=nested(50_000), y=1))


def test_a_big_event_nested_just_within_reach_does_not_overflow_a_thread_stack() -> None:
    outcome: list[bool] = []
    facts = prepare(event(x=nested(matcher.MAX_DEPTH * 2), y=1))

    def ask() -> None:
        outcome.append(Expression("event.data.y == 1 && event.data.x == event.data.x").matches(facts))

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert outcome == [False]


def test_prepared_events_are_taken_as_they_are() -> None:
    facts = prepare(event(x=1))
    assert prepare(facts) is facts
    assert Expression("event.data.x == async.data.x").matches(facts, facts)


def test_equal_texts_are_compiled_once_and_the_cache_is_bounded() -> None:
    for number in range(matcher.CACHE_SIZE + 10):
        Expression(f"event.data.x == {number}")
    info = matcher._compile.cache_info()
    assert info.currsize == info.maxsize == matcher.CACHE_SIZE
    Expression("event.data.x == 1")
    hits = matcher._compile.cache_info().hits
    Expression("event.data.x == 1")
    assert matcher._compile.cache_info().hits == hits + 1


def test_threads_may_share_an_expression() -> None:
    expression = Expression("event.data.x == async.data.x && event.data.x % 2 == 0")
    wrong: list[int] = []

    def ask() -> None:
        for number in range(500):
            matched = expression.matches(event(x=number), event(x=number))
            wrong.extend([] if matched is (number % 2 == 0) else [number])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_caller_keeps_its_data() -> None:
    data = {"x": [1, {"y": 2**70}]}
    assert Expression("event.data.x[0] == 1").matches(event(**data))
    assert data == {"x": [1, {"y": 2**70}]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@given(json_values, json_values)
def test_no_data_raises(one: object, other: object) -> None:
    text = "event.data.x == 1 || event.x > async.x || event in [async] || event.exists(k, k == 'x') || size(event) > 3"
    assert Expression(text).matches(one, other) in (True, False)
    assert Expression("event == async").matches({"data": one}, {"data": other}) in (True, False)


@given(st.text(st.characters()))
def test_any_text_compiles_or_raises_our_error(text: str) -> None:
    try:
        expression = Expression(text)
    except ExpressionError as error:
        assert str(error).startswith("expression ")
    else:
        expression.evaluate({})
