"""How things are timed and told: interleaved rounds, rows, one table. Knows nothing of what is measured.

A measured thing and its reference take turns within one run, block by block, because machines are noisy and their
speed drifts. The garbage collector stays as it is in production: on, with its usual thresholds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Block = Callable[[], float]
"""Does a piece of work some times; returns the seconds that one time took."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, as text. ok: None when nothing was measured, or nothing is promised."""

    what: str
    measured: str
    reference: str = ""
    ratio: str = ""
    limit: str = ""
    ok: bool | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work is put into a measurement. rounds: of short ones; long_rounds: of long ones."""

    rounds: int
    long_rounds: int
    calls: int
    """In one block of a small thing."""


FULL = Effort(rounds=30, long_rounds=15, calls=100)
QUICK = Effort(rounds=8, long_rounds=5, calls=40)


def interleave(*blocks: Block, rounds: int) -> list[list[float]]:
    """Run the blocks in turns, forth and back; return the seconds of each, all rounds. One turn warms up unseen."""
    for block in blocks:
        block()
    seconds: list[list[float]] = [[] for _ in blocks]
    order = list(range(len(blocks)))
    for _ in range(rounds):
        for number in order:
            seconds[number].append(blocks[number]())
        order.reverse()
    return seconds


def best(seconds: Sequence[float]) -> float:
    """For short work in one thread: whatever made a round slower was not the work."""
    return min(seconds)


def middle(seconds: Sequence[float]) -> float:
    """For work whose own pauses count: the garbage collector's, or those of other processes that take part."""
    return statistics.median(seconds)


def compared(what: str, measured: float, reference: float, limit: float, more: float | None = None) -> Row:
    """Return the row of something that may take *limit* times as long as its reference, or *more* seconds longer."""
    ratio = measured / reference
    if more is None:
        return Row(what, show(measured), show(reference), f"{ratio:.2f}", f"{limit:g}x", ratio <= limit)
    is_kept = ratio <= limit or measured - reference <= more
    return Row(what, show(measured), show(reference), f"{ratio:.2f}", f"{limit:g}x/+{show(more)}", is_kept)


def bounded(what: str, measured: float, limit: float, reference: float | None = None) -> Row:
    """Return the row of something that may take *limit* seconds; the reference is only for the reader."""
    return Row(
        what,
        show(measured),
        "" if reference is None else show(reference),
        "" if reference is None else f"{measured / reference:.2f}",
        show(limit),
        measured <= limit,
    )


def rated(what: str, measured: float, limit: float) -> Row:
    """Return the row of something that has to happen so many times a second, or more often."""
    return Row(what, f"{measured:.0f}/s", limit=f"{limit:.0f}/s", ok=measured >= limit)


def portion(what: str, measured: float, limit: float) -> Row:
    """Return the row of something that may take this part of a whole."""
    return Row(what, f"{measured:.2%}", limit=f"{limit:.1%}", ok=measured <= limit)


def skipped(what: str, why: str) -> Row:
    return Row(what, f"skipped: {why}")


def failed(what: str, why: str) -> Row:
    return Row(what, f"failed: {why}", ok=False)


def show(seconds: float) -> str:
    """Return a duration with three digits and its unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 0.9995:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


HEAD = Row("what", "measured", "reference", "ratio", "limit")


class Table:
    """Prints rows as they come, in columns."""

    _WIDTHS = (84, 10, 10, 6, 11)

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._print(HEAD, "")

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self._print(row, {True: "PASS", False: "OVER", None: "-"}[row.ok])

    def _print(self, row: Row, verdict: str) -> None:
        what, *numbers = (row.what, row.measured, row.reference, row.ratio, row.limit)
        if row.measured.startswith(("skipped", "failed")):
            print(f"{what:<{self._WIDTHS[0]}}  {row.measured}", flush=True)
            return
        columns = [f"{text:>{width}}" for text, width in zip(numbers, self._WIDTHS[1:], strict=True)]
        print("  ".join([f"{what:<{self._WIDTHS[0]}}", *columns, verdict]).rstrip(), flush=True)

    def summary(self) -> str:
        over = [row.what for row in self.rows if row.ok is False]
        kept = sum(row.ok is True for row in self.rows)
        text = f"{kept} within their limits, {len(over)} over"
        return text + "".join(f"\n  over: {what}" for what in over)
