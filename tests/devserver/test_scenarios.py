"""One list of scenarios, on a clock that is moved by hand and in real time over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from .scenarios import SCENARIOS, Scenario
from .stages import fake_stage, real_stages

EACH = pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])


@EACH
def test_on_a_clock_that_is_moved_by_hand(scenario: Scenario) -> None:
    async def main() -> int:
        async with fake_stage(scenario.name.replace("_", "-")) as stage:
            await scenario.play(stage)
            return stage.served()

    assert asyncio.run(main()) > 0, "the scenario does nothing"


@pytest.fixture(scope="module")
def real() -> dict[str, BaseException | None]:
    """Return what went wrong in each scenario: all of them run at the same time, on one engine."""

    async def main() -> list[BaseException | None]:
        names = [scenario.name.replace("_", "-") for scenario in SCENARIOS]
        async with real_stages(names) as stages:
            plays = (scenario.play(stage) for scenario, stage in zip(SCENARIOS, stages, strict=True))
            return await asyncio.gather(*plays, return_exceptions=True)

    return dict(zip((scenario.name for scenario in SCENARIOS), asyncio.run(main()), strict=True))


@EACH
def test_in_real_time_over_sockets(scenario: Scenario, real: dict[str, BaseException | None]) -> None:
    problem = real[scenario.name]
    if problem is not None:
        raise problem
    assert set(real) == {each.name for each in SCENARIOS}
