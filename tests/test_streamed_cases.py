"""The matrix once more, with answers that are streams: what is in the envelope is what would have been the answer."""

from __future__ import annotations

import itertools

import pytest

import inngest
from tests.stage.case_check import ask, check, opened
from tests.stage.effort import pairs
from tests.stage.engine_api import EngineDouble

from .cases import cases_by_kind
from .cases.case import HandlerKind
from .targets import find_targets

CASES = cases_by_kind()
TARGETS = {name: target for name, target in find_targets().items() if name != "digital-ocean"}
OF_ADAPTERS = {"context_variables", "current_call", "errors", "interrupts", "parallel", "steps_run"}
"""Modules of cases of which each adapter is asked some; the core is asked all."""
PLAIN = ("use_api.engine_", "use_api.run_is_gone")
"""Answered plainly: a stream begins around the function only, and here none was run."""
CORES = ["core-sync", "core-async"]
CHOSEN = [
    *itertools.product(CASES, CORES),
    *pairs(
        [name for name in CASES if name.partition(".")[0] in OF_ADAPTERS],
        [name for name in TARGETS if name not in CORES],
        share=5,
    ),
]


@pytest.mark.parametrize(("name", "of"), CHOSEN, ids=["-".join(pair) for pair in CHOSEN])
def test_streamed_case(name: str, of: str, engine: EngineDouble) -> None:
    (case, kind), target = CASES[name], TARGETS[of]
    asked = ask(case, kind, target.connect, engine, streaming=inngest.Streaming.FORCE)
    check(case, target, asked if name.startswith(PLAIN) else opened(asked))


def test_every_adapter_streams_some_cases_of_both_kinds() -> None:
    assert {(CASES[name][1], of) for name, of in CHOSEN} == set(itertools.product(HandlerKind, TARGETS))


def test_digital_ocean_never_streams(engine: EngineDouble) -> None:
    target = find_targets()["digital-ocean"]
    case, kind = next((case, kind) for name, (case, kind) in CASES.items() if name.startswith("steps_run."))
    check(case, target, ask(case, kind, target.connect, engine, streaming=inngest.Streaming.FORCE))
