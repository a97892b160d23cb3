"""Expressions: what matches, what does not, and that nothing an event holds can raise.

`test_recorded_tables.py` has what a real engine made of them.
"""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_devserver.matcher import Expression, ExpressionError
from inngest_devserver.matching.values import NoValueError


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
    ("lowercase(event.data.x) == 'abc'", {"x": "ABC"}),
    ("event.data.x != 'a'", {}),
    ("event.data.x.y.z == null", {"x": 1}),
    ("event.data.x[5] == null", {"x": []}),
    ("event.data.x + 1.0 == 3.0", {"x": 2}),
    ("event.data.x + 1 == 'n1'", {"x": "n"}),
    ("event.data.x + event.data.y == 'n2.5'", {"x": "n", "y": 2.5}),
    ("string(event.data.x) == '1.234567e+06'", {"x": 1234567}),
    ("string(event.data.x) == '123456'", {"x": 123456}),
    ("string(event.data.x) == '0.0001'", {"x": 0.0001}),
    ("string(event.data.x) == '1e-05'", {"x": 0.00001}),
    ("string(event.data.x) == '0'", {"x": 0}),
    ("string(event.data.x) == '-2.5'", {"x": -2.5}),
    ("event.data.x.exists(i, event.data.y.exists(j, i == j))", {"x": [1, 2], "y": [3, 2]}),
    ("event.data.x.exists_one(i, i > 1)", {"x": [1, 2]}),
    ("event.data.x.exists(i, i.startsWith('a'))", {"x": [1, "a"]}),
    ("event.data.x.map(i, {'n': i})[1].n == 2", {"x": [1, 2]}),
    ("event.data.x.all(k, k in ['a', 'b'])", {"x": {"a": 1}}),
    ("7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1 && 7 % -2 == 1", {}),
    ("timestamp(event.data.x).getFullYear() == 2025", {"x": "2025-01-01T00:00:00Z"}),
    ("timestamp(event.data.x).getHours('+02:00') == 2", {"x": "2025-01-01T00:00:00Z"}),
    ("duration(event.data.x).getMinutes() == 90 && string(duration(event.data.x)) == '5400s'", {"x": "1h30m"}),
    ("int(timestamp(event.data.x)) == 1735689600 && int('7') == 7", {"x": "2025-01-01T00:00:00Z"}),
    ("timestamp(event.data.x) + duration('1h') == timestamp('2025-01-01T01:00:00Z')", {"x": "2025-01-01T00:00:00Z"}),
    ("date(event.data.x) - date('2025-01-01') == duration('24h')", {"x": "2025-01-02"}),
    ("now() == date('1970-01-01') && now_minus('1h') < now()", {}),
    ("b64decode(event.data.x) == 'abc'", {"x": "YWJj"}),
    ("json_parse(event.data.x).a[0] == 1", {"x": '{"a": [1]}'}),
    ("type(event.data.x) == double && type(1) == int", {"x": 1}),
    ("event.data.x == 'é😀'", {"x": "é😀"}),
    ("event.data.x.exists(i, i.sku == 'b')", {"x": [{"sku": "a"}, {"sku": "b"}]}),
    ("size(event.data.x) == 2", {"x": [1, 2]}),
    ("event.data.missing == 1 || event.data.x == 1", {"x": 1}),
    ("timestamp(event.data.x) > timestamp('2024-01-01T00:00:00Z')", {"x": "2025-01-01T00:00:00Z"}),
    ("event.data.x == 1", {"x": 1, "other": 2**70, "nan": float("nan"), "odd": object()}),
]

NO_MATCHES: list[tuple[str, dict[str, object]]] = [
    ("event.data.x + 1 == 3", {"x": 2}),
    ("event.data.x % 2 == 0", {"x": 2}),
    ("9223372036854775807 + 1 > 0", {}),
    ("event.data.x.all(i, i)", {"x": [1]}),
    ("event.data.x.exists(i, i.startsWith('a'))", {"x": [1, "b"]}),
    ("size(event.data.x) == 0", {}),
    ("string(event.data.x) == ''", {}),
    ("lowercase(event.data.x) == ''", {}),
    ("date(event.data.x) < now()", {"x": "soon"}),
    ("json_parse(event.data.x) == null", {"x": "{"}),
    ("b64decode(event.data.x) == ''", {"x": "?"}),
    ("duration(event.data.x) < duration('1h')", {"x": "soon"}),
    ("event.data.x.matches('a', 'b')", {"x": "a"}),
    ("event.data.x ? true : true", {}),
    ("{event.data.x: 1}[null] == 1", {"x": None}),
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


def test_keys_that_both_events_lack_are_equal_and_unequal() -> None:
    assert Expression("event.data.id == async.data.id").matches(event(), event())
    assert Expression("event.data.id != async.data.id").matches(event(), event())
    assert not Expression("event.data.id != async.data.id").matches(event(id=None), event())


def test_has_says_nothing_of_a_key_that_the_event_of_a_wait_lacks() -> None:
    assert Expression("has(async.data.id)").matches(event(), event(id=1))
    assert not Expression("has(async.data.id)").matches(event(), event())
    assert not Expression("!has(async.data.id)").matches(event(), event())
    assert Expression("!has(event.data.id)").matches(event(), event())


def test_the_time_is_the_callers() -> None:
    recent = Expression("date(event.data.at) > now_minus('1h')")
    assert recent.matches(event(at="2027-01-15T07:30:00Z"), now=1_800_000_000.0)  # half an hour later
    assert not recent.matches(event(at="2027-01-15T07:30:00Z"), now=1_800_003_600.0)


def test_loops_over_loops_come_to_an_end() -> None:
    many = list(range(2_000))
    text = "event.data.x.all(i, event.data.x.all(j, event.data.x.all(k, i + j + k > -1.0)))"
    with pytest.raises(NoValueError, match="more than 10000 turns"):
        Expression(text).evaluate(event(x=many))


@pytest.mark.parametrize(
    "text",
    [
        "event.data.some.exists(x, x in event.data.many)",
        "event.data.some.exists(x, event.data.many == event.data.more)",
        "event.data.some.exists(x, event.data.text.contains('z'))",
        "event.data.some.map(x, event.data.text + event.data.text).size() > 0",
        "event.data.some.exists(x, event.data.many.exists(y, true) && x < -1.0)",
        "event.data.some.exists(x, [event.data.many].exists(y, y == event.data.more))",
    ],
)
def test_loops_over_what_is_large_come_to_an_end_soon(text: str) -> None:
    large = event(some=[*range(9_000)], many=[*range(-100_000, -1)], more=[*range(-100_000, 0)], text="a" * 1_000_000)
    with pytest.raises(NoValueError, match="look at more than 500000 parts of the event"):
        Expression(text).evaluate(large)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event.data.some.map(x, x).size() == 9000", True),
        ("event.data.some.filter(x, x in [1, 2, 3]).size() == 3", True),
        ("event.data.many[event.data.some.filter(x, event.data.many[x] < 0)[5]] == -99995", True),
        ("-5 in event.data.many && event.data.many == event.data.many && event.data.text.contains('a')", True),
    ],
)
def test_what_is_large_may_be_looked_at_and_looped_over(text: str, expected: bool) -> None:
    large = event(some=[*range(9_000)], many=[*range(-100_000, -1)], text="a" * 1_000_000)
    assert Expression(text).evaluate(large) is expected


def test_evaluate_returns_plain_python() -> None:
    placed = event(id="a", items=[{"n": 1}, {"n": 2.5}], none=None)
    assert Expression("event.data.id + '-' + event.name").evaluate(placed) == "a-shop/order.placed"
    assert Expression("event.data.items").evaluate(placed) == [{"n": 1}, {"n": 2.5}]
    assert Expression("{'a': event.data}").evaluate(placed) == {"a": placed["data"]}
    assert Expression("event.data.none").evaluate(placed) is None
    assert Expression("event.data.missing == null").evaluate(placed) is True
    with pytest.raises(NoValueError, match="null_type has no size"):
        Expression("size(event.data.missing)").evaluate(placed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expression '': it is empty"),
        ("  ", "it is empty"),
        ("event.data.x =", "expression 'event.data.x =': column 14: token recognition error"),
        ("event.data.x == ", "column 17"),
        ("foo == 1", "expression 'foo == 1': column 1: undeclared reference to 'foo'"),
        ("event.data.x\n  == ]", "line 2, column 6"),
        ("event.data.x.trim() == 'x'", "column 18: undeclared reference to 'trim'"),
        ("math.greatest(1, 2) == 2", "undeclared reference to 'greatest'"),
        ("now(1) == null", "column 4: now() takes another number of arguments"),
        ("google.protobuf.Duration{seconds: 1} == event.ts", "is a type of message"),
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


def test_deep_data_is_compared_as_far_as_python_goes() -> None:
    same = Expression("event.data.x == async.data.x")
    assert same.matches(event(x=nested(20)), event(x=nested(20)))
    assert not same.matches(event(x=nested(50_000)), event(x=nested(50_000)))
    assert Expression("event.data.y == 1").matches(event(x=nested(50_000), y=1))


def test_threads_may_share_an_expression() -> None:
    expression = Expression("event.data.x == async.data.x && string(event.data.x).matches('[02468]$')")
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
        assert expression.matches({}) in (True, False)
