"""A few hundred examples in every run of the tests, for each mode, kind of function and driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from tests.stage.effort import examples

from .fuzzed_apps import KINDS, FuzzedApps, fuzzed_apps
from .random_requests import EVERY_HEALTH_CHECK, Asked, requests
from .rules import check


@pytest.fixture(scope="module")
def apps() -> Iterator[FuzzedApps]:
    with fuzzed_apps() as made:
        yield made


@pytest.mark.parametrize("kind", KINDS, ids=["-".join(kind) for kind in KINDS])
def test_every_answer_is_ours(kind: tuple[str, str, str], apps: FuzzedApps) -> None:
    @settings(max_examples=examples(25), deadline=None, derandomize=True, suppress_health_check=EVERY_HEALTH_CHECK)
    @given(requests())
    def ask(asked: Asked) -> None:
        apps.records.own_errors.clear()
        check(asked, kind[0], apps.ask(kind, asked), apps.records)

    ask()
