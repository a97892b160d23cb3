"""The engine double, one for a whole session; and an environment in which nothing configures the SDK."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.stage.effort import LONG, examples
from tests.stage.engine_api import EngineDouble, running_engine

# How long an example takes to make says more of the machine than of the test.
# New examples are for those who look for defects, by `make test-long`, and not for those who ask whether all is well.
settings.register_profile(
    "tests",
    max_examples=examples(40),
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")

_BRANCHES = {"BRANCH_NAME", "VERCEL_GIT_COMMIT_REF", "BRANCH", "CF_PAGES_BRANCH"}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are collected, and leave what was collected out of every later search.

    Those are over a million objects, and to go through them takes a second. Nothing of the process runs meanwhile,
    which a test with a clock or a time-out would take for a machine that stands still.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
        gc.collect()  # so that it counts anew how many objects there are


@pytest.fixture(scope="session")
def engine() -> Iterator[EngineDouble]:
    with running_engine() as double:
        yield double


@pytest.fixture(autouse=True, scope="session")
def unconfigured() -> Iterator[None]:
    """Take away what the machine that runs the tests may have set."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("INNGEST_") or name in _BRANCHES:
                patch.delenv(name)
        yield
