"""Writing what a step gave, with all checks, against pydantic_core alone; and reading it by its annotation.

The reference of a plain value is `pydantic_core.to_json`, that of models is the bare adapter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pydantic
import pydantic_core

from inngest_core.serializer import LARGEST_STEP, dump_value, load_value

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
        lambda: dump_value(plain, "output", limit=LARGEST_STEP),
        lambda: pydantic_core.to_json(plain),
        WRITE_LIMIT,
        effort,
    )
    items = [_Item(id=number, name=f"item {number}", price=number * 1.5, tags=["a", "b"]) for number in range(_ROWS)]
    yield _compared(
        f"{_ROWS:,} models, written with all checks, against pydantic_core.to_json",
        lambda: dump_value(items, "output", output_type=list[_Item], limit=LARGEST_STEP),
        lambda: pydantic_core.to_json(items),
        WRITE_LIMIT,
        effort,
    )
    adapter = pydantic.TypeAdapter(list[_Item])
    data = adapter.dump_python(items, mode="json")
    yield _compared(
        f"{_ROWS:,} models, read from a memo, against the adapter alone",
        lambda: load_value(data, list[_Item]),
        lambda: adapter.validate_python(data),
        READ_LIMIT,
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
