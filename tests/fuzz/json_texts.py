"""JSON texts of every shape, legal or nearly so: lone surrogates, huge numbers, deep nesting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

RAW = "\ue000raw:{}\ue000"
"""A text that `dump` replaces by the raw text of that number: what `json.dumps` would refuse to write."""

LEGAL: Sequence[str] = (
    "9" * 400,
    "9" * 4300,
    "9" * 4301,
    "-" + "9" * 5000,
    "-1E-999",
    "-0",
    "-0.0",
    "1.0",
    "0.1e1",
    "1" + "0" * 308 + ".0",
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '{"a":1,"a":2}',
    '{"__proto__":{}}',
    *("[" * depth + "]" * depth for depth in (150, 199, 201, 700, 10_000, 50_000)),
    *('{"a":' * depth + "0" + "}" * depth for depth in (150, 201, 700, 10_000)),
)
ILLEGAL: Sequence[str] = (
    *("1e999", "NaN", "-Infinity", "01", "+1", "0x10", "'text'", "undefined", "", '"\\x41"', '"\t"', "{,}", "[1,]"),
    "[" * 10_000,
)
RAW_TEXTS = (*LEGAL, *ILLEGAL)

T = TypeVar("T")


def weighted(*choices: tuple[int, st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """Choose each strategy as often as its weight says."""
    return st.sampled_from([strategy for weight, strategy in choices for _ in range(weight)]).flatmap(_itself)


def _itself(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    return strategy


def _raw(first: int, end: int) -> st.SearchStrategy[str]:
    return st.integers(first, end - 1).map(RAW.format)


texts = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.sampled_from(["", "\ud800", "\udfff\ud800", "\x00", "\u2028", "\r\n", "é", "😀", "NaN", '"', "\\", "Infinity"]),
)
numbers = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**31, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 1795348269097]),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars: st.SearchStrategy[Any] = weighted(
    (10, st.none()), (10, st.booleans()), (20, numbers), (20, texts), (10, _raw(0, len(LEGAL)))
)
illegal = _raw(len(LEGAL), len(RAW_TEXTS))


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3))


values: st.SearchStrategy[Any] = st.recursive(scalars, _deeper, max_leaves=6)
"""JSON values, with places for raw texts among them."""


def dump(value: object, *, ascii_only: bool) -> bytes:
    """Write *value*; a lone surrogate is escaped, or else becomes bytes that are not UTF-8."""
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    for number, raw in enumerate(RAW_TEXTS):
        for dumped in (json.dumps(RAW.format(number)), json.dumps(RAW.format(number), ensure_ascii=False)):
            if dumped in text:
                text = text.replace(dumped, raw)
    return text.encode("utf-8", "surrogatepass")
