"""Random programs on the bundled engine come to what the model says, and no step is called once too often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from inngest import testing
from tests.stage.bodies import Script
from tests.stage.effects import Effects
from tests.stage.effort import examples
from tests.stage.players import DurableSteps, Player
from tests.stage.program_model import calls, outcome
from tests.stage.programs import Program, Way, programs

from .in_virtual_time import InProcess, failure, in_process
from .world import NATIVE_KINDS

RETRIES = 1
"""A step that fails more often has failed for good."""

PROGRAMS = programs(ways=[Way.PARALLEL, Way.RACE], failures=[0, 0, 0, 1, 2], uncaught=True, most_ms=2)


class Laboratory:
    """One app for all examples; the program of a run is told by its event."""

    def __init__(self, stage: InProcess) -> None:
        self._stage = stage
        self._programs: list[tuple[Program, Effects]] = []
        kind = stage.kind.handlers

        @stage.function("t/program", retries=RETRIES)
        def interpret(ctx: Any, step: Any) -> Script:
            number: int = ctx.event.data["number"]
            program, effects = self._programs[number]
            return (yield from Player(kind, DurableSteps(kind, ctx, effects)).play(program))

    def check(self, program: Program) -> None:
        effects = Effects(self._stage.news)
        self._programs.append((program, effects))
        run = self._stage.run_side_by_side("t/program", {"number": len(self._programs) - 1})
        failed = run.status is testing.Status.FAILED
        ended = ("failed", failure(run)[1]) if failed else ("returned", run.output)
        assert ended == outcome(program, RETRIES + 1)
        assert effects.called == calls(program, RETRIES + 1)
        effects.check()


@pytest.fixture(scope="module", params=NATIVE_KINDS, ids=str)
def laboratory(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with in_process(request.param) as stage:
        yield Laboratory(stage)


@settings(
    max_examples=examples(15),
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
@given(program=PROGRAMS)
def test_random_programs(laboratory: Laboratory, program: Program) -> None:
    laboratory.check(program)
