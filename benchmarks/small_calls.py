"""A signed small call of a function without steps, against a bare route of the same framework, in this process."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from . import requests
from .apps import BARE_PATH, FRAMEWORKS, OWN_COLOUR, check, make_app, missing, other_colour
from .in_process import Caller
from .measure import Effort, Row, best, compared, interleave, skipped

LIMIT = 1.6


def rows(effort: Effort) -> Iterator[Row]:
    for framework in FRAMEWORKS:
        caller = Caller(make_app(framework), framework)
        for colour in (OWN_COLOUR[framework], other_colour(framework)):
            what = label(framework, colour, "in process")
            why = missing(framework, colour)
            if why:
                yield skipped(what, why)
                continue
            body = requests.small_body()
            ours = caller.block(
                lambda colour=colour, body=body: requests.call(colour, body),
                effort.calls,
                functools.partial(check, what=what),
            )
            bare = caller.block(
                lambda colour=colour, body=body: requests.call(colour, body, path=BARE_PATH[colour]),
                effort.calls,
                functools.partial(check, what=f"{what}, bare"),
            )
            measured, reference = interleave(ours, bare, rounds=effort.rounds)
            yield compared(what, best(measured), best(reference), LIMIT)
        caller.close()


def label(framework: str, colour: str, where: str) -> str:
    kind = {"def": "def", "async": "async def"}[colour]
    own = "own" if OWN_COLOUR[framework] == colour else "other"
    return f"small call, {framework}, {kind} ({own} colour), {where}"
