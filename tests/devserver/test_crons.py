"""Crons on a clock that jumps: each moment fires once, at clock changes and after restarts too."""

from __future__ import annotations

import asyncio
import datetime
import zoneinfo
from pathlib import Path
from typing import Any

import pytest

from inngest_devserver.admission.crons import next_moment

from .harness import Called, Lab, lab, returned

DAY = 86_400.0
START = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def serve(it: Lab, cron: str, **trigger: Any) -> None:
    it.serve("f", lambda _: returned("done"), triggers=[{"cron": cron, **trigger}])


def moments(it: Lab) -> list[str]:
    """Return when each call was made, by the clock of the engine."""
    return [datetime.datetime.fromtimestamp(call.time, datetime.UTC).isoformat() for call in it.app.calls]


def data_of(call: Called) -> dict[str, Any]:
    data: dict[str, Any] = call.body["event"]["data"]
    return data


def test_a_year_of_a_daily_cron_fires_once_a_day() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it, "30 9 * * *")
            await it.time.advance(365 * DAY)
            assert len(it.app.calls) == 365
            assert moments(it)[:2] == ["2027-01-15T09:30:00+00:00", "2027-01-16T09:30:00+00:00"]
            assert len({data_of(call)["scheduledAt"] for call in it.app.calls}) == 365

    asyncio.run(main())


def test_the_event_says_which_cron_and_when() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it, "* * * * *")
            await it.time.advance(60)
            event = it.app.calls[0].body["event"]
            assert (event["name"], event["id"]) == ("inngest/scheduled.timer", "2027-01-15T08:01:00Z")
            assert event["ts"] == 1_800_000_060_000
            assert event["data"] == {
                "cron": "* * * * *",
                "fireAt": "2027-01-15T08:01:00Z",
                "scheduledAt": "2027-01-15T08:01:00Z",
            }

    asyncio.run(main())


def test_jitter_delays_by_no_more_than_it_says() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it, "0 * * * *", jitter="5m")
            await it.time.advance(DAY)
            late = [call.time % 3600 for call in it.app.calls]
            assert len(late) in (23, 24)  # the last one may be yet to come
            assert all(0 <= seconds <= 300 for seconds in late)
            assert len(set(late)) > 1
            assert all(data_of(call)["scheduledAt"].endswith(":00:00Z") for call in it.app.calls)

    asyncio.run(main())


def test_a_cron_that_was_taken_away_fires_no_more() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it, "0 * * * *")
            await it.time.advance(3600)
            it.serve("f", lambda _: returned("done"))
            await it.time.advance(DAY)
            assert len(it.app.calls) == 1
            assert await it.time.settle() is None, "nothing is left to do"

    asyncio.run(main())


def test_registering_again_fires_nothing_twice() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it, "0 * * * *")
            for _ in range(4):
                await it.time.advance(900)
                it.serve("g", lambda _: returned("other"))
            assert len(it.app.calls) == 1

    asyncio.run(main())


def test_a_restart_repeats_nothing_and_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with lab(persist=tmp_path / "kept.db") as it:
            serve(it, "0 * * * *")
            await it.time.advance(3600)
            assert len(it.app.calls) == 1
        async with lab(persist=tmp_path / "kept.db") as it:  # its clock begins at 08:00 again
            it.app.scripts["app-f"] = lambda _: returned("done")
            await it.time.advance(2 * 3600)
            assert moments(it) == ["2027-01-15T10:00:00+00:00"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("cron", "after", "first", "second"),
    [
        # Spring: 02:30 does not exist on 28 March 2027, and is made up for right after the gap.
        ("TZ=Europe/Paris 30 2 * * *", "2027-03-27T12:00", "2027-03-28T03:00", "2027-03-29T02:30"),
        # Autumn: 02:30 comes twice on 31 October 2027, and fires once.
        ("TZ=Europe/Paris 30 2 * * *", "2027-10-30T12:00", "2027-10-31T02:30", "2027-11-01T02:30"),
        ("TZ=America/New_York 0 9 * * MON-FRI", "2027-01-15T10:00", "2027-01-18T09:00", "2027-01-19T09:00"),
        ("CRON_TZ=Asia/Kolkata 0 0 1 JAN *", "2027-06-01T00:00", "2028-01-01T00:00", "2029-01-01T00:00"),
        ("0 0 29 2 *", "2027-06-01T00:00", "2028-02-29T00:00", "2032-02-29T00:00"),
        ("*/20 8-9 ? * *", "2027-06-01T08:30", "2027-06-01T08:40", "2027-06-01T09:00"),
    ],
)
def test_moments_are_those_of_the_zone(cron: str, after: str, first: str, second: str) -> None:
    zone = zoneinfo.ZoneInfo(cron.split()[0].partition("=")[2]) if "TZ=" in cron else datetime.UTC

    def unix(text: str) -> float:
        return datetime.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()

    assert next_moment(cron, unix(after)) == unix(first)
    assert next_moment(cron, unix(first)) == unix(second)


def test_a_cron_without_moments_never_fires() -> None:
    assert next_moment("0 0 30 2 *", START) is None
