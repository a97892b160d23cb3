"""The scale of a timeline: which part of its width a moment stands for.

It is even, unless long stretches pass in which a run only waits: those are drawn short, with a mark that says how long
they are, so that what happens before and after them can be seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .words import duration

_SMALLEST = 0.001
"""Seconds that a scale has at least."""
_LONGEST_IDLE = 0.4
"""Of the time in which something happens: what a stretch without anything is drawn like, if it is longer."""
_WORTH_IT = 3.0
"""A scale is uneven if it would be this many times as long otherwise."""
_TICKS = 4
_APART = 9.0
"""Percent between two ticks, so that their labels do not meet."""
_APART_ON_A_PHONE = 26.0
_NICE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_NICE_LONG = (3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800)

Span = tuple[float, float]
"""When something began and ended."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the scale. x: in percent. seconds: since the run began. is_break: it stands for a stretch cut short.

    is_crowded: on a phone, its label would meet the one before it.
    """

    x: float
    seconds: float
    label: str
    is_break: bool = False
    is_crowded: bool = False


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From one moment to another. length: how long it is drawn."""

    begin: float
    end: float
    length: float

    @property
    def is_cut(self) -> bool:
        return self.length < self.end - self.begin


class Scale:
    """began, end: Unix seconds. busy: when something happened. waits: when something was waited for."""

    def __init__(self, began: float, end: float, busy: Iterable[Span], waits: Iterable[Span] = ()) -> None:
        self._began = began
        self.seconds = max(end - began, _SMALLEST)
        busy = list(busy)
        edges = sorted({moment for wait in waits for moment in wait})
        stretches = list(_stretches(began, began + self.seconds, busy, edges))
        drawn = sum(each.length for each in stretches)
        # Where nothing has happened yet, there is nothing to make room for.
        self.is_even = drawn * _WORTH_IT > self.seconds or not any(over > begin for begin, over in busy)
        self._stretches = [_Stretch(began, began + self.seconds, self.seconds)] if self.is_even else stretches
        self._drawn = self.seconds if self.is_even else drawn

    def percent(self, moment: float) -> float:
        """Return where a moment is."""
        at = 0.0
        for each in self._stretches:
            if moment < each.end:
                whole = each.end - each.begin
                at += max(moment - each.begin, 0.0) / whole * each.length if whole else 0.0
                break
            at += each.length
        return round(min(at / self._drawn, 1.0) * 100, 3)

    def ticks(self) -> list[Tick]:
        if self.is_even:
            step = next((one for one in (*_NICE, *_NICE_LONG) if one * _TICKS >= self.seconds), self.seconds / _TICKS)
            moments = (number * step for number in range(int(self.seconds / step + 1e-9) + 1))
            return [self._tick(seconds) for seconds in moments]
        return list(_crowded_marked(self._uneven_ticks()))

    def _tick(self, seconds: float) -> Tick:
        return Tick(self.percent(self._began + seconds), seconds, duration(seconds) if seconds else "0")

    def _uneven_ticks(self) -> Iterator[Tick]:
        last = -_APART
        for each in self._stretches:
            begin, end = self.percent(each.begin), self.percent(each.end)
            if each.is_cut:
                if (begin + end) / 2 - last >= _APART:
                    words = f"… {duration(each.end - each.begin)} …"
                    yield Tick((begin + end) / 2, each.begin - self._began, words, is_break=True)
                    last = (begin + end) / 2
            elif begin - last >= _APART or not begin:
                yield self._tick(each.begin - self._began)
                last = begin


def _crowded_marked(ticks: Iterable[Tick]) -> Iterator[Tick]:
    last = -_APART_ON_A_PHONE
    for tick in ticks:
        is_crowded = tick.x - last < _APART_ON_A_PHONE
        last = last if is_crowded else tick.x
        yield dataclasses.replace(tick, is_crowded=is_crowded)


def _stretches(began: float, end: float, busy: Iterable[Span], edges: Sequence[float]) -> Iterator[_Stretch]:
    """Yield what happens and what lies between, one after another; of the latter, each wait is cut where it is long."""
    merged = _merged(busy)
    longest = max(_LONGEST_IDLE * sum(over - begin for begin, over in merged), _SMALLEST)
    at = began
    for begin, over in (*merged, (end, end)):
        for edge in (*(each for each in edges if at < each < begin), begin):
            if edge > at:
                yield _Stretch(at, edge, min(edge - at, longest))
                at = edge
        if over > at:
            yield _Stretch(at, over, over - at)
            at = over


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for begin, over in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], over))
        else:
            found.append((begin, over))
    return found
