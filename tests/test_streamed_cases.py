"""The matrix once more, with answers that are streams: what is in the envelope is what would have been the answer."""

from __future__ import annotations

import pytest

import inngest
from tests.stage.case_check import ask, check, opened
from tests.stage.engine_api import EngineDouble

from .cases import cases_by_kind
from .targets import find_targets
from .targets.target import Target

CASES = cases_by_kind()
TARGETS = {name: target for name, target in find_targets().items() if name != "digital-ocean"}
ON_EVERY_TARGET = {"context_variables", "current_call", "errors", "interrupts", "parallel", "steps_run"}
"""Modules of cases; the others are asked of the core alone."""
PLAIN = ("use_api.engine_", "use_api.run_is_gone")
"""Answered plainly: a stream begins around the function only, and here none was run."""
PAIRS = [
    pytest.param(name, target, id=f"{name}-{of}")
    for name in CASES
    for of, target in TARGETS.items()
    if of.startswith("core-") or name.partition(".")[0] in ON_EVERY_TARGET
]


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_streamed_case(name: str, target: Target, engine: EngineDouble) -> None:
    case, kind = CASES[name]
    asked = ask(case, kind, target.connect, engine, streaming=inngest.Streaming.FORCE)
    check(case, target, asked if name.startswith(PLAIN) else opened(asked))


def test_digital_ocean_never_streams(engine: EngineDouble) -> None:
    target = find_targets()["digital-ocean"]
    case, kind = next((case, kind) for name, (case, kind) in CASES.items() if name.startswith("steps_run."))
    check(case, target, ask(case, kind, target.connect, engine, streaming=inngest.Streaming.FORCE))
