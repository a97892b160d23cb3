"""How much is tried: a part of it in every run of the tests, all of it by `make test-long`.

CI runs the matrix whole with one set of versions, and a part of it (`TESTS_BRIEF=1`) with the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TypeVar

LONG = os.environ.get("TESTS_LONG") == "1"
BRIEF = os.environ.get("TESTS_BRIEF") == "1"

T = TypeVar("T")
U = TypeVar("U")


def examples(few: int) -> int:
    """Return how many random examples to try: *few*, or many times as many."""
    return 25 * few if LONG else few


def pairs(ones: Sequence[T], others: Sequence[U], share: int) -> Iterator[tuple[T, U]]:
    """Yield each of *ones* with *share* of *others* in turn, so that all of these come up; or with all of them."""
    for number, one in enumerate(ones):
        for place, other in enumerate(others):
            if LONG or (number + place) % len(others) < share:
                yield one, other
