"""The scale of a timeline, as numbers: even for what goes on evenly, and short where a run only waits for long."""

from __future__ import annotations

import itertools

import pytest

from inngest_devserver.page.scale import Scale


def test_a_scale_is_even_while_waits_are_short() -> None:
    scale = Scale(100.0, 110.0, [(100.0, 104.0), (106.0, 110.0)], [(104.0, 106.0)])
    assert scale.is_even
    assert [scale.percent(moment) for moment in (99.0, 100.0, 105.0, 110.0, 111.0)] == [0, 0, 50, 100, 100]
    assert [tick.label for tick in scale.ticks()] == ["0", "5 s", "10 s"]


def test_days_of_waiting_leave_room_for_what_happens() -> None:
    day = 86_400.0
    scale = Scale(0.0, day + 2, [(0.0, 1.0), (day + 1, day + 2)], [(1.0, day + 1)])
    assert not scale.is_even
    assert scale.percent(1.0) > 30
    assert scale.percent(day + 1) < 70
    assert [tick.label for tick in scale.ticks() if tick.is_break] == ["… 1 d 0 h …"]


def test_waits_one_after_another_are_cut_each_alone() -> None:
    scale = Scale(0.0, 301.0, [(0.0, 1.0)], [(1.0, 101.0), (101.0, 301.0)])
    first, second = scale.percent(101.0) - scale.percent(1.0), scale.percent(301.0) - scale.percent(101.0)
    assert first == pytest.approx(second, abs=0.01)


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 0.3, 59.0, 4000.0, 9e6])
def test_every_scale_begins_at_nothing_and_has_room_for_its_labels(seconds: float) -> None:
    for scale in (Scale(5.0, 5.0 + seconds, [(5.0, 5.0 + seconds)]), Scale(5.0, 5.0 + seconds, [])):
        ticks = scale.ticks()
        assert ticks[0].x == 0 or ticks[0].is_break
        assert len(ticks) <= 12
        assert all(0 <= tick.x <= 100 for tick in ticks)


def test_a_scale_is_even_while_nothing_has_happened_but_waiting() -> None:
    assert Scale(0.0, 40.0, [], [(0.7, 40.0)]).is_even


def test_labels_that_would_meet_on_a_phone_are_marked() -> None:
    waits = [(1.0, 101.0), (102.0, 202.0), (203.0, 303.0)]
    scale = Scale(0.0, 304.0, [(0.0, 1.0), (101.0, 102.0), (202.0, 203.0), (303.0, 304.0)], waits)
    kept = [tick.x for tick in scale.ticks() if not tick.is_crowded]
    assert any(tick.is_crowded for tick in scale.ticks())
    assert all(later - earlier >= 26 for earlier, later in itertools.pairwise(kept))
