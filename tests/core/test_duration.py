"""Durations and times between Python and the wire."""

from __future__ import annotations

import datetime
import re

import pytest
from hypothesis import given, strategies

from inngest_core.protocol.duration import dump_duration, dump_time, parse_duration, parse_time, to_ms

MS = strategies.integers(0, 366 * 24 * 3600 * 1000)


@given(MS)
def test_round_trip(ms: int) -> None:
    assert round(parse_duration(dump_duration(ms)) * 1000) == ms


@given(MS)
def test_units_of_batch_time_outs(ms: int) -> None:
    text = dump_duration(ms, largest_unit="h")
    assert not re.search("[wd]", text)
    assert round(parse_duration(text) * 1000) == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (1, "1ms"),
        (999, "999ms"),
        (1000, "1s"),
        (60_000, "1m"),
        (3_600_000, "1h"),
        (86_400_000, "1d"),
        (604_800_000, "1w"),
        (694_861_001, "1w1d1h1m1s1ms"),
    ],
)
def test_dump(ms: int, text: str) -> None:
    assert dump_duration(ms) == text
    assert dump_duration(datetime.timedelta(milliseconds=ms)) == text


def test_a_day_in_hours() -> None:
    assert dump_duration(datetime.timedelta(days=1), largest_unit="h") == "24h"


def test_less_than_a_millisecond_is_cut() -> None:
    assert to_ms(datetime.timedelta(microseconds=1999)) == 1


@pytest.mark.parametrize("duration", [-1, datetime.timedelta(microseconds=-1), -(10**9)])
def test_negative(duration: object) -> None:
    with pytest.raises(ValueError, match="negative"):
        to_ms(duration)


@pytest.mark.parametrize("duration", ["1s", 1.5, None, True, [1]])
def test_other_types(duration: object) -> None:
    with pytest.raises(TypeError, match="timedelta"):
        to_ms(duration)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("1d2h", 93600),
        ("1us", 1e-6),
        ("1µs", 1e-6),
        ("1ns", 1e-9),
        ("2w", 1209600),
    ],
)
def test_parse(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "1", "s", "1x", "1h ", " 1h", "-1h", "1h-30m", "1,5h", "1e3s", "١s", "1.s", ".5s"]
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(strategies.text())
def test_any_text_gives_seconds_or_a_value_error(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except ValueError as error:
        assert "duration" in str(error)


@given(strategies.datetimes(timezones=strategies.timezones()))
def test_times_are_utc_with_milliseconds(when: datetime.datetime) -> None:
    try:
        utc = when.astimezone(datetime.UTC)
    except OverflowError:  # at the ends of the calendar
        return
    text = dump_time(when)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert parse_time(text) == utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def test_naive_means_local() -> None:
    naive = datetime.datetime(2026, 7, 1, 12)
    assert parse_time(dump_time(naive)) == naive.astimezone(datetime.UTC)


def test_parse_without_a_zone_is_utc() -> None:
    assert parse_time("2026-01-02T03:04:05") == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00:00Z"])
def test_parse_time_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)
