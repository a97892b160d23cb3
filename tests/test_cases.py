"""The matrix: every case, in both colours, on every target."""

from __future__ import annotations

import pytest

from .asking import ask, check
from .cases import cases_by_colour
from .cases.case import Case, Colour
from .targets import find_targets
from .targets.engine import EngineDouble
from .targets.target import Target

CASES = cases_by_colour()
TARGETS = find_targets()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
@pytest.mark.parametrize(("case", "colour"), CASES.values(), ids=CASES.keys())
def test_case(case: Case, colour: Colour, target: Target, engine: EngineDouble) -> None:
    check(case, target, ask(case, colour, target.connect, engine))


def test_cases_and_targets_are_found() -> None:
    assert len(CASES) > 400
    assert {"core-sync", "core-async", "flask", "starlette", "fastapi"} <= TARGETS.keys()
