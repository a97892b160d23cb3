"""`world`: a fresh engine, and an app of every kind that a test names with `kinds`; else one sync and one async.

`stage` is the same in this process and in virtual time, with `stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .in_virtual_time import InProcess, in_process
from .world import NATIVE_KINDS, Kind, World, new_world

_HERE = Path(__file__).parent
_IN_PROCESS = {"stage", "laboratory"}
"""The fixtures of tests that start neither servers nor processes."""


def kinds(chosen: list[Kind]) -> Callable[[Any], Any]:
    """Run a test with these kinds of app."""
    return pytest.mark.parametrize("world", chosen, indirect=True, ids=str)


def stages(chosen: list[Kind]) -> Callable[[Any], Any]:
    """As `kinds`, in this process."""
    return pytest.mark.parametrize("stage", chosen, indirect=True, ids=str)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE) and _IN_PROCESS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.live)


@pytest.fixture(params=NATIVE_KINDS, ids=str)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with new_world(request.param) as made:
        yield made


@pytest.fixture(params=NATIVE_KINDS, ids=str)
def stage(request: pytest.FixtureRequest) -> Iterator[InProcess]:
    with in_process(request.param) as made:
        yield made
