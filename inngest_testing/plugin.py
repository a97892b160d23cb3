"""The pytest plugin: its fixtures, its mark and its options. pytest finds it by itself, in every project.

So nothing of the kit is imported before a test uses it, and a project without the extra `testing` is not disturbed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

_MARK = "inngest(*apps, steps=None, replay=True, now=None, signing_key=None, path='/api/inngest')"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings; `pytest --help` shows them."""
    parser.addini(
        "inngest_app",
        "What inngest_engine calls and inngest_sent drains in tests whose mark names nothing: "
        "'module:attribute', an app or a list of functions; several, one in a line.",
        type="linelist",
        default=[],
    )
    parser.addini("inngest_path", "Where apps of web frameworks serve functions.", default="/api/inngest")
    parser.addini(
        "inngest_replay",
        "Whether functions are called again from their memos after each step, and must do the same again.",
        type="bool",
        default=True,
    )
    group = parser.getgroup("inngest")
    group.addoption(
        "--inngest-no-replay",
        action="store_true",
        help="do not call functions again from their memos (fixtures only; as inngest_replay = false)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line(
        "markers",
        f"{_MARK}: what inngest_engine calls in this test, and its settings; apps are functions, lists of functions, "
        "or apps of web frameworks.",
    )


check_of_test = pytest.StashKey[Callable[[], None]]()
"""What a test is held to when it has passed: the stubs of its engine were used."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Hold a test to what its engine asks for, as a part of the test."""
    result = yield
    check = item.stash.get(check_of_test, None)
    if check is not None:
        check()
    return result


describe_for_test = pytest.StashKey[Callable[[], str]]()
"""What tells about the engine of a test, or about what it has sent, when it has failed."""


def pytest_runtest_setup() -> None:
    """Forget the runs of the test before."""
    results = sys.modules.get("inngest_testing.results")
    if results is not None:
        results.recent.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show the runs of a test that has failed, and what else may explain it."""
    report = yield
    if call.when == "call" and report.failed:
        lines = list(_explanations(item, str(report.longrepr)))
        if lines:
            report.sections.append(("inngest", "\n".join(lines)))
    return report


def _explanations(item: pytest.Item, told: str) -> Iterator[str]:
    """Yield what the failure itself does not show. told: its text."""
    describe = item.stash.get(describe_for_test, None)
    results = sys.modules.get("inngest_testing.results")
    try:
        if describe is not None and (text := describe()):
            yield text
        shown = _lines(told)
        for run in () if results is None else results.recent:
            if _lines(text := repr(run)) not in shown:
                yield text
    except Exception as error:  # the failure of the test is what counts
        yield f"the runs cannot be shown: {error!r}"


def _lines(text: str) -> str:
    """Return a text without the margins in which pytest shows it."""
    return "\n".join(line.removeprefix("E").strip() for line in text.splitlines())


@pytest.fixture
def inngest_engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A `testing.Engine` for tests that are not async: in this process, in virtual time. The mark names its apps."""
    from .fixtures import engine_of

    yield from engine_of(request)


@pytest.fixture
def inngest_async_engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A `testing.AsyncEngine` for async tests: the same, on the loop of the test, whatever runs that."""
    from .fixtures import async_engine_of

    yield from async_engine_of(request)


@pytest.fixture
def inngest_sent(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A `testing.Sent`: the events that every client sends in this test are kept there instead of sent."""
    from .fixtures import sent_of

    yield from sent_of(request)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show a run whose comparison fails as a list of what happened."""
    results = sys.modules.get("inngest_testing.results")
    runs = [each for each in (left, right) if results is not None and isinstance(each, results.Result)]
    return None if not runs else [f"the comparison {op} of this run failed:", *repr(runs[0]).splitlines()]
