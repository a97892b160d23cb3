"""The matrix: every case, in both kinds, on every target."""

from __future__ import annotations

import pytest

from tests.stage.case_check import ask, check
from tests.stage.engine_api import EngineDouble

from .cases import cases_by_kind
from .cases.case import Case, HandlerKind
from .targets import find_targets
from .targets.target import Target

CASES = cases_by_kind()
TARGETS = find_targets()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
@pytest.mark.parametrize(("case", "kind"), CASES.values(), ids=CASES.keys())
def test_case(case: Case, kind: HandlerKind, target: Target, engine: EngineDouble) -> None:
    check(case, target, ask(case, kind, target.connect, engine))


def test_cases_and_targets_are_found() -> None:
    assert len(CASES) > 400
    assert {"core-sync", "core-async", "flask", "starlette", "fastapi"} <= TARGETS.keys()
