"""Random programs on the real engine come to what a plain interpreter says, and no step is called once too often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from .colours import Script
from .effects import Effects
from .programs import RETRIES, Expected, FailedError, Node, Program, programs
from .world import NATIVE_KINDS, World, new_world


class Laboratory:
    """One engine and one app for all examples; the program of a run is told by its event."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._programs: list[tuple[Node, Effects]] = []

        @world.function("t/program", retries=RETRIES)
        def interpret(ctx: Any, step: Any) -> Script:
            number: int = ctx.event.data["number"]
            node, effects = self._programs[number]
            return (yield from Program(world.kind.colour, effects, ctx, step).run(node, "p"))

    def check(self, node: Node) -> None:
        effects = Effects(self._world.news)
        self._programs.append((node, effects))
        run = self._world.engine.run("t/program", {"number": len(self._programs) - 1})
        expected = Expected()
        try:
            outcome: tuple[str, Any] = ("Completed", expected.run(node, "p"))
        except FailedError as error:
            outcome = ("Failed", str(error))
        seen = run.output["message"] if run.status == "Failed" else run.output
        assert (run.status, seen) == outcome
        assert effects.called == expected.calls
        effects.check()


@pytest.fixture(scope="module", params=NATIVE_KINDS, ids=str)
def laboratory(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with new_world(request.param, retry_interval=0.0) as world:
        made = Laboratory(world)
        with world.up():
            yield made


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(node=programs)
def test_random_programs(laboratory: Laboratory, node: Node) -> None:
    laboratory.check(node)
