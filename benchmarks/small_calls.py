"""A signed small call of a function without steps, against a bare route of the same framework, in this process."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from . import requests
from .apps import FRAMEWORKS, OWN_KIND, check, make_app, make_bare, missing, other_kind
from .in_process import Caller
from .measure import Effort, Row, best, compared, interleave, skipped

LIMIT = 1.5
MORE = 60e-6
"""Seconds. A call of a promised framework's own kind may take LIMIT times as long as its bare route, or so much more:
the bare route of a fast framework takes less time than checking two signatures and parsing a call."""
PROMISED = ("flask", "django", "fastapi")
OTHER_LIMIT = 1.6
"""Of everything else, as a goal."""


def rows(effort: Effort) -> Iterator[Row]:
    body = requests.small_body()
    for framework in FRAMEWORKS:
        for kind in (OWN_KIND[framework], other_kind(framework)):
            what = label(framework, kind, "in process")
            why = missing(framework, kind)
            if why:
                yield skipped(what, why)
                continue
            measured, reference = against_bare(framework, kind, body, what, effort.calls, effort.rounds)
            if framework in PROMISED and kind == OWN_KIND[framework]:
                yield compared(what, best(measured), best(reference), LIMIT, MORE)
            else:
                yield compared(what, best(measured), best(reference), OTHER_LIMIT)


def against_bare(
    framework: str, kind: str, body: bytes, what: str, calls: int, rounds: int
) -> tuple[Sequence[float], Sequence[float]]:
    """Send the same call requests to our app and to the bare one; return the seconds of one call, all rounds."""
    make = functools.partial(requests.call, kind, body)
    ours, bare = Caller(make_app(framework), framework), Caller(make_bare(framework, kind), framework)
    measured, reference = interleave(
        ours.block(make, calls, functools.partial(check, what=what)),
        bare.block(make, calls, functools.partial(check, what=f"{what}, bare")),
        rounds=rounds,
    )
    ours.close()
    bare.close()
    return measured, reference


def label(framework: str, kind: str, where: str) -> str:
    written = {"def": "def", "async": "async def"}[kind]
    own = "own" if OWN_KIND[framework] == kind else "other"
    return f"small call, {framework}, {written} ({own} kind), {where}"
