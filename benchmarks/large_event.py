"""A signed call with an event of 1 MB, against a bare route that parses the same body with the standard `json`."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from . import requests
from .apps import BARE_PATH, FRAMEWORKS, OWN_COLOUR, check, make_app
from .in_process import Caller
from .measure import Effort, Row, compared, interleave, middle

LIMIT = 1.2
SIZE = 1_000_000


def rows(effort: Effort) -> Iterator[Row]:
    body = requests.large_body(SIZE)
    for framework in FRAMEWORKS:
        caller = Caller(make_app(framework), framework)
        colour = OWN_COLOUR[framework]
        what = f"call with a 1 MB event, {framework}"
        ours = caller.block(
            lambda colour=colour: requests.call(colour, body),
            3,
            functools.partial(check, what=what),
        )
        bare = caller.block(
            lambda colour=colour: requests.call(colour, body, path=BARE_PATH[colour]),
            3,
            functools.partial(check, what=f"{what}, bare"),
        )
        measured, reference = interleave(ours, bare, rounds=effort.long_rounds)
        yield compared(what, middle(measured), middle(reference), LIMIT)
        caller.close()
