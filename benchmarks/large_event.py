"""A signed call with an event of 1 MB, against a bare route that parses the same body with the standard `json`."""

from __future__ import annotations

from collections.abc import Iterator

from . import requests
from .apps import FRAMEWORKS, OWN_KIND
from .measure import Effort, Row, best, compared
from .small_calls import against_bare

LIMIT = 1.2
SIZE = 1_000_000


def rows(effort: Effort) -> Iterator[Row]:
    body = requests.large_body(SIZE)
    for framework in FRAMEWORKS:
        what = f"call with a 1 MB event, {framework}"
        measured, reference = against_bare(framework, OWN_KIND[framework], body, what, 3, effort.long_rounds)
        yield compared(what, best(measured), best(reference), LIMIT)
