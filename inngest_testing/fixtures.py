"""What the fixtures of the pytest plugin are: engines and captured events, with the settings of a test."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from .async_engine import AsyncEngine
from .capture import Sent
from .plugin import check_of_test, describe_for_test
from .sync_engine import Engine

__tracebackhide__ = True

_FAULTS = frozenset({"crash_after", "duplicate", "save_fails"})


def engine_of(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Yield the engine of a test."""
    apps, options = _settings(request)
    with Engine(*apps, **options) as engine:
        request.node.stash[check_of_test] = engine.check_stubs
        request.node.stash[describe_for_test] = engine.describe
        yield engine


def async_engine_of(request: pytest.FixtureRequest) -> Iterator[AsyncEngine]:
    """Yield the engine of an async test. When the test is over, its loop may have ended."""
    apps, options = _settings(request)
    engine = AsyncEngine(*apps, **options)
    request.node.stash[check_of_test] = engine.check_stubs
    request.node.stash[describe_for_test] = engine.describe
    try:
        yield engine
    finally:
        engine.abandon()


def sent_of(request: pytest.FixtureRequest) -> Iterator[Sent]:
    """Yield what is sent in a test."""
    apps, _ = _settings(request)
    with Sent(*apps) as sent:
        request.node.stash[describe_for_test] = sent.describe
        yield sent


def _settings(request: pytest.FixtureRequest) -> tuple[list[object], dict[str, Any]]:
    """Return the apps and the options of a test: those of its marks, the nearest first, else of the configuration."""
    config = request.config
    options: dict[str, Any] = {
        "path": config.getini("inngest_path"),
        "replay": bool(config.getini("inngest_replay")) and not config.getoption("--inngest-no-replay"),
    }
    apps: list[object] = []
    for mark in reversed(list(request.node.iter_markers("inngest"))):
        apps = list(mark.args) or apps
        options.update(_checked(mark.kwargs))
    return apps or [_load(text) for text in config.getini("inngest_app")], options


def _checked(given: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {"steps", "replay", "now", "signing_key", "path"}
    unknown = sorted(given.keys() - known)
    if unknown and unknown[0] in _FAULTS:
        raise pytest.UsageError(
            f"@pytest.mark.inngest has no {unknown[0]!r}: faults are for one run; give it to testing.run, as in "
            f'testing.run(function, event, {unknown[0]}="a step")'
        )
    if unknown:
        raise pytest.UsageError(
            f"@pytest.mark.inngest has no {unknown[0]!r}; it takes apps and {', '.join(sorted(known))}"
        )
    return given


def _load(text: str) -> object:
    module, colon, name = text.partition(":")
    if not colon:
        raise pytest.UsageError(f"inngest_app is {text!r}; write module:attribute, such as shop.app:app")
    try:
        found: object = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise pytest.UsageError(f"inngest_app is {text!r}, which cannot be loaded: {error}") from error
    return found
