"""The matrix: every case, in both kinds, on every target, and by a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

import inngest
from inngest_connect.messages import ExecutorRequest, Reply
from tests.stage.case_check import ask, check, check_outcome
from tests.stage.effort import BRIEF, pairs
from tests.stage.engine_api import EngineDouble

from . import cases
from .cases import cases_by_kind
from .cases.case import Case, HandlerKind
from .targets import find_targets
from .targets.worker import connecting

CASES = cases_by_kind()
TARGETS = find_targets()
CHOSEN = list(pairs(list(CASES), list(TARGETS), share=4 if BRIEF else len(TARGETS)))


@pytest.mark.parametrize(("name", "of"), CHOSEN, ids=["-".join(pair) for pair in CHOSEN])
def test_case(name: str, of: str, engine: EngineDouble) -> None:
    (case, kind), target = CASES[name], TARGETS[of]
    check(case, target, ask(case, kind, target.connect, engine))


@pytest.mark.parametrize(("case", "kind"), CASES.values(), ids=CASES.keys())
def test_case_by_a_worker(case: Case, kind: HandlerKind, engine: EngineDouble) -> None:
    replies: list[tuple[ExecutorRequest, Reply]] = []
    check_outcome(case, ask(case, kind, connecting(lambda asked, reply: replies.append((asked, reply))), engine))
    ((asked, reply),) = replies
    assert reply.no_retry is (case.expect.no_retry == "true")
    assert (reply.request_version, reply.sdk_version) == (2, f"inngest-py:v{inngest.__version__}")
    for name in ("request_id", "account_id", "env_id", "app_id", "run_id", "system_trace_ctx", "user_trace_ctx"):
        assert getattr(reply, name) == getattr(asked, name)


def test_the_targets_are_these() -> None:
    """A target that vanishes would take all its tests with it. A new one is added here."""
    assert TARGETS.keys() == {
        *("core-sync", "core-async", "asgi", "wsgi"),
        *(
            "flask",
            "flask-blueprint",
            "flask-extension",
            "fastapi",
            "fastapi-included",
            "fastapi-router",
            "starlette",
            "starlette-mount",
            "starlette-routes",
        ),
        *("django-app", "django-asgi", "django-wsgi", "tornado", "tornado-rules", "digital-ocean"),
    }


def test_every_module_of_cases_has_some() -> None:
    modules = {path.stem for path in Path(cases.__file__).parent.glob("*.py")} - {"__init__", "case"}
    assert {name.partition(".")[0] for name in CASES} == modules
    assert len(CASES) > 400
