"""The matrix: every case, in both kinds, on every target."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stage.case_check import ask, check
from tests.stage.engine_api import EngineDouble

from . import cases
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


def test_the_targets_are_these() -> None:
    """A target that vanishes would take all its tests with it. A new one is added here."""
    assert TARGETS.keys() == {
        *("core-sync", "core-async", "asgi", "wsgi"),
        *("flask", "flask-blueprint", "fastapi", "fastapi-router", "starlette", "starlette-mount"),
        *("django-asgi", "django-wsgi", "tornado", "digital-ocean"),
    }


def test_every_module_of_cases_has_some() -> None:
    modules = {path.stem for path in Path(cases.__file__).parent.glob("*.py")} - {"__init__", "case"}
    assert {name.partition(".")[0] for name in CASES} == modules
    assert len(CASES) > 400
