"""Writing what a step gave, with all checks, against pydantic_core alone; and reading it by its annotation.

The reference of a plain value is `pydantic_core.to_json`, that of models is the bare adapter.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TypedDict

import pydantic
import pydantic_core

from inngest_core.protocol.limits import MAX_STEP_BYTES
from inngest_core.values.serializer import dump, load

from .measure import Block, Effort, Row, best, compared, interleave

WRITE_LIMIT = 4.0
READ_LIMIT = 4.0
_ROWS = 11_000
"""About 1 MB as JSON."""


class _Item(pydantic.BaseModel):
    id: int
    name: str
    price: float
    tags: list[str]


@dataclasses.dataclass
class _Row:
    id: int
    name: str
    at: datetime.datetime
    tags: list[str] | str


class _Dict(TypedDict):
    id: int
    at: datetime.datetime


def rows(effort: Effort) -> Iterator[Row]:
    plain = {
        "items": [
            {"id": number, "name": f"item {number}", "price": number * 1.5, "tags": ["a", "b"], "note": None}
            for number in range(_ROWS)
        ]
    }
    size = len(pydantic_core.to_json(plain))
    yield _compared(
        f"a plain result of {size / 1e6:.1f} MB, written with all checks, against pydantic_core.to_json",
        lambda: dump(plain, "output", limit=MAX_STEP_BYTES),
        lambda: pydantic_core.to_json(plain),
        WRITE_LIMIT,
        effort,
    )
    adapter = pydantic.TypeAdapter(list[_Item])
    items = [_Item(id=number, name=f"item {number}", price=number * 1.5, tags=["a", "b"]) for number in range(_ROWS)]
    yield _compared(
        f"{_ROWS:,} models, written with all checks, against pydantic_core.to_json",
        lambda: dump(items, "output", list[_Item], limit=MAX_STEP_BYTES),
        lambda: pydantic_core.to_json(items),
        WRITE_LIMIT,
        effort,
    )
    yield from _typed_rows(effort)
    yield _compared(
        f"{_ROWS:,} models, with output_type= read back, against pydantic_core.to_json and the adapter",
        lambda: dump(items, "output", list[_Item], rule="strict", limit=MAX_STEP_BYTES),
        lambda: adapter.validate_json(pydantic_core.to_json(items)),
        WRITE_LIMIT,
        effort,
    )
    data = adapter.dump_python(items, mode="json")
    yield _compared(
        f"{_ROWS:,} models, read from a memo by an annotation, against the adapter alone",
        lambda: load(data, list[_Item], rule="annotated"),
        lambda: adapter.validate_python(data),
        READ_LIMIT,
        effort,
    )


def _typed_rows(effort: Effort) -> Iterator[Row]:
    """Values of about 1 MB, written with all checks."""
    at = datetime.datetime(2027, 1, 2, 3, 4, 5, 6, datetime.UTC)
    typed: list[tuple[str, object, object]] = [
        ("Decimals", [decimal.Decimal("1.10")] * 140_000, list[decimal.Decimal]),
        ("UUIDs", [uuid.UUID(int=number) for number in range(26_000)], list[uuid.UUID]),
        ("datetimes", [at] * 34_000, list[datetime.datetime]),
        ("dataclasses", [_Row(number, "a row", at, ["a", "b"]) for number in range(12_000)], list[_Row]),
        ("TypedDicts", [{"id": number, "at": at} for number in range(20_000)], list[_Dict]),
        ("nested dicts", [{"a": {"b": {"c": number}}} for number in range(45_000)], None),
        ("texts with NaN in them", [f"item {number} is NaN or -Infinity" for number in range(28_000)], None),
        ("floats", [number * 0.5 for number in range(120_000)], list[float]),
    ]
    for name, value, typ in typed:
        yield _compared(
            f"1 MB of {name}, written with all checks, against pydantic_core.to_json",
            functools.partial(dump, value, "output", typ, limit=MAX_STEP_BYTES),
            functools.partial(pydantic_core.to_json, value),
            WRITE_LIMIT,
            effort,
        )


def _compared(
    what: str, work: Callable[[], object], reference: Callable[[], object], limit: float, effort: Effort
) -> Row:
    measured, of_reference = interleave(_block(work), _block(reference), rounds=effort.long_rounds)
    return compared(what, best(measured), best(of_reference), limit)


def _block(work: Callable[[], object]) -> Block:
    def block() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return block
