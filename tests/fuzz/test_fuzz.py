"""A few hundred examples in the normal suite; each of them goes to both modes, both colours and both drivers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from .requests import EVERY_HEALTH_CHECK, Asked, requests
from .rules import check
from .world import KINDS, World, a_world


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as made:
        yield made


@pytest.mark.parametrize("kind", KINDS, ids=["-".join(kind) for kind in KINDS])
def test_every_answer_is_ours(kind: tuple[str, str, str], world: World) -> None:
    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=EVERY_HEALTH_CHECK)
    @given(requests())
    def ask(asked: Asked) -> None:
        world.records.own_errors.clear()
        check(asked, kind[0], world.ask(kind, asked), world.records)

    ask()
