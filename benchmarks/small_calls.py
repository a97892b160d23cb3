"""A signed small call of a function without steps, against a bare route of the same framework, in this process."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from . import requests
from .apps import FRAMEWORKS, OWN_COLOUR, check, make_app, make_bare, missing, other_colour
from .in_process import Caller
from .measure import Effort, Row, best, compared, interleave, skipped

LIMIT = 1.6


def rows(effort: Effort) -> Iterator[Row]:
    body = requests.small_body()
    for framework in FRAMEWORKS:
        for colour in (OWN_COLOUR[framework], other_colour(framework)):
            what = label(framework, colour, "in process")
            why = missing(framework, colour)
            if why:
                yield skipped(what, why)
                continue
            measured, reference = against_bare(framework, colour, body, what, effort.calls, effort.rounds)
            yield compared(what, best(measured), best(reference), LIMIT)


def against_bare(
    framework: str, colour: str, body: bytes, what: str, calls: int, rounds: int
) -> tuple[Sequence[float], Sequence[float]]:
    """Send the same call requests to our app and to the bare one; return the seconds of one call, all rounds."""
    make = functools.partial(requests.call, colour, body)
    ours, bare = Caller(make_app(framework), framework), Caller(make_bare(framework, colour), framework)
    measured, reference = interleave(
        ours.block(make, calls, functools.partial(check, what=what)),
        bare.block(make, calls, functools.partial(check, what=f"{what}, bare")),
        rounds=rounds,
    )
    ours.close()
    bare.close()
    return measured, reference


def label(framework: str, colour: str, where: str) -> str:
    kind = {"def": "def", "async": "async def"}[colour]
    own = "own" if OWN_COLOUR[framework] == colour else "other"
    return f"small call, {framework}, {kind} ({own} colour), {where}"
