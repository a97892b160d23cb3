"""Why a call that stands in line is not made, as values and in words. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from .clock import iso
from .placement import Need

_MOST_HOLDERS = 3


@dataclass(frozen=True, slots=True)
class Full:
    """Others have all the turns. holders: ids of their runs."""

    need: Need
    holders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Throttled:
    """The throttle admits the next one at a Unix time."""

    until: float


@dataclass(frozen=True, slots=True)
class Busy:
    """So many calls of its app, or of its function, are under way. of: "app" or "function"."""

    of: str
    limit: int


@dataclass(frozen=True, slots=True)
class Unreached:
    """The app does not answer; one call tries it at a Unix time, and the others wait for what comes of that."""

    until: float


Reason = Full | Throttled | Busy | Unreached


def in_words(reason: Reason) -> str:
    match reason:
        case Full(need, holders):
            shown = sorted(set(holders))
            more = f" and {len(shown) - _MOST_HOLDERS} more" if len(shown) > _MOST_HOLDERS else ""
            held = f"held by {', '.join(shown[:_MOST_HOLDERS])}{more}"
            return f"concurrency {need.label}: {len(holders)} of {need.limit}, {held}"
        case Throttled(until):
            return f"throttled until {iso(round(until, 3))}"  # its tolerance is nobody's concern
        case Unreached(until):
            return f"the app does not answer; it is called again at {iso(until)}, for one of the runs that wait for it"
        case Busy(of, limit):
            return f"{limit} calls of its {of} are under way"
