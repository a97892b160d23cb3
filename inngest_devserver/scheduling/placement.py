"""Where the calls of a run stand in line: what each of them needs before it may be made. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from .meters import Metered

SlotKey = tuple[str, str, str]
"""The scope (a function's id, "env" or "account"), the text of the key expression, and its value."""


@dataclass(frozen=True, slots=True)
class Need:
    """One of `limit` turns in a slot. label: what the slot is called where people read it."""

    slot: SlotKey
    limit: int
    label: str


@dataclass(frozen=True, slots=True)
class Placement:
    """needs: of each call, given back after it. run_needs: of the first call, given back at the end of the run.

    throttle: what the first call counts for. rank: what is smaller goes first; Unix seconds.
    """

    function_id: str
    app_id: str
    rank: float
    needs: tuple[Need, ...] = ()
    run_needs: tuple[Need, ...] = ()
    throttle: Metered | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the first call of the run needs no more than later ones do."""
        return not self.run_needs and self.throttle is None
