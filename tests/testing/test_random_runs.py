"""Random programs of steps, run by the testing kit: they come to what the model says, and replay finds no fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

import inngest
from inngest import testing
from tests.cases.case import HandlerKind
from tests.stage.bodies import Script, handler
from tests.stage.effects import Effects
from tests.stage.effort import examples
from tests.stage.logs import silent_logger
from tests.stage.players import DurableSteps, Player
from tests.stage.program_model import calls, outcome
from tests.stage.programs import WITHOUT_STEPS, Program, Way, programs

LAW = settings(max_examples=examples(25), deadline=None)
BOTH_KINDS = pytest.mark.parametrize("kind", HandlerKind)
PARALLEL = programs(ways=[Way.PARALLEL, Way.RACE], failures=[0, 0, 0, 1], uncaught=True)
NATIVE = programs(ways=WITHOUT_STEPS, failures=[0, 0, 0, 1], uncaught=False)


def run(program: Program, kind: HandlerKind, effects: Effects, **options: Any) -> testing.Result[Any]:
    def body(ctx: Any, step: Any) -> Script:
        return Player(kind, DurableSteps(kind, ctx, effects)).play(program)

    with inngest.Inngest(app_id="app", logger=silent_logger()) as client:
        function = client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="a"), retries=1)(
            handler(body, kind)
        )
        return testing.run(function, **options)


@BOTH_KINDS
@LAW
@given(program=PARALLEL)
def test_a_program_comes_to_what_the_model_says(kind: HandlerKind, program: Program) -> None:
    effects = Effects()
    result = run(program, kind, effects)
    expected, value = outcome(program, 2)
    if expected == "returned":
        assert result.output == value
    else:
        assert result.status is testing.Status.FAILED
    assert effects.called == calls(program, 2)


@LAW
@given(program=NATIVE)
def test_native_concurrency_replays(program: Program) -> None:
    """In the order in which it ran: these programs go on differently with whichever step ends first."""
    effects = Effects()
    assert run(program, HandlerKind.ASYNC, effects, replay="in-order").status is testing.Status.COMPLETED
