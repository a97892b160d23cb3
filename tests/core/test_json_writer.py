"""The writer of JSON writes, and refuses, what the standard library does."""

from __future__ import annotations

import enum
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.protocol.encoding import json_writer


class Kind(enum.StrEnum):
    STEP = "step"


WAYS = pytest.mark.parametrize("sort_keys", [False, True])
ESCAPES = pytest.mark.parametrize("ascii_only", [False, True])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@WAYS
@ESCAPES
@given(value=VALUES)
def test_the_text_is_that_of_the_standard_library(sort_keys: bool, ascii_only: bool, value: object) -> None:
    write = json_writer(sort_keys=sort_keys, ascii_only=ascii_only)
    told = json.dumps(value, separators=(",", ":"), sort_keys=sort_keys, ensure_ascii=ascii_only)
    assert write(value) == told


@pytest.mark.parametrize("value", [Kind.STEP, {Kind.STEP: (1, 2)}, {1: None, False: [], 2.5: {}}, "\ud800", 10**400])
def test_so_it_is_of_other_values_that_json_can_hold(value: object) -> None:
    assert json_writer()(value) == json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": object()}, {(1, 2): 3}, {1, 2}])
def test_what_is_refused_is_refused_in_the_same_words(value: object) -> None:
    with pytest.raises((TypeError, ValueError)) as expected:
        json.dumps(value, allow_nan=False)
    with pytest.raises(expected.type) as raised:
        json_writer()(value)
    assert str(raised.value) == str(expected.value)


def test_a_circle_is_no_value() -> None:
    circle: list[Any] = []
    circle.append({"again": circle})
    with pytest.raises(ValueError, match="Circular"):
        json_writer()(circle)


def test_what_is_nested_too_deeply_is_told_from_a_circle() -> None:
    nested: list[Any] = []
    for _ in range(200_000):
        nested = [nested]
    with pytest.raises(RecursionError):
        json_writer()(nested)
    while nested:  # or its end would be as deep
        nested = nested.pop()
