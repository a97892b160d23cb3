"""What the bundled engine asks an app in a race of a, then b, against a slow c: as every engine does, step by step.

The app here has no SDK, so these tests show the engine alone. `test_race.py` has the same race with the SDK.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from inngest_core.protocol.wire import hash_id

from .raw_app import Asked, ScriptedApp
from .world import NATIVE_KINDS, new_world


def op(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    wire = {"op": kind, "id": hash_id(name), "name": name, "displayName": name, "data": None, **fields}
    return {**wire, "opts": {"parallelMode": "race"}}


class Race:
    """Plans the steps of both branches. c ends only when the engine has asked what comes after b: it is late.

    eager: run a step at once when it is the only new one and the engine allows that, as apps do outside of races.
    """

    def __init__(self, *, eager: bool) -> None:
        self.ran: list[str] = []
        self._eager = eager
        self._past_b = threading.Event()

    def __call__(self, call: Asked) -> Any:
        if call.step:
            return [self._run(call.step)]
        if "b" in call.known:
            self._past_b.set()
        found = [name for name in ("a", "b", "c") if name not in call.known and (name != "b" or "a" in call.known)]
        if not found:
            return "over"
        if self._eager and len(found) == 1 and not call.plan_only:
            return [self._run(found[0])]
        return [op("StepPlanned", name) for name in found]

    def _run(self, name: str) -> dict[str, Any]:
        self.ran.append(name)
        if name == "c" and self.ran.count("c") == 1:
            assert self._past_b.wait(60)
        return op("StepRun", name, data=name)


def test_each_discovery_of_a_race_may_run_what_it_meets() -> None:
    race = Race(eager=False)
    app = ScriptedApp(["a", "b", "c"], race)
    with new_world(NATIVE_KINDS[0]) as world, app.up(world.engine):
        assert world.engine.run("raw/f").output == "over"
    discoveries = [call for call in app.asked if not call.step]
    assert [call.plan_only for call in discoveries] == [False] * len(discoveries)
    assert [set(call.known) for call in discoveries[:3]] == [set(), {"a"}, {"a", "b"}]
    targeted = [call for call in app.asked if call.step]
    assert sorted(call.step for call in targeted) == ["a", "b", "c"]
    assert all(call.plan_only for call in targeted)
    assert sorted(race.ran) == ["a", "b", "c"]


def test_an_app_that_runs_racing_steps_at_once_runs_one_twice() -> None:
    """After b, only c is new, and it is still under way: such an app runs it again, here as on other engines."""
    race = Race(eager=True)
    app = ScriptedApp(["a", "b", "c"], race)
    with new_world(NATIVE_KINDS[0]) as world, app.up(world.engine):
        assert world.engine.run("raw/f").output == "over"
    assert race.ran.count("c") == 2


@pytest.mark.parametrize("version", ["1", "0"])
def test_an_old_app_is_told_to_plan_once_steps_have_run_in_parallel(version: str) -> None:
    race = Race(eager=True)
    app = ScriptedApp(["a", "b", "c"], race, version=version)
    with new_world(NATIVE_KINDS[0]) as world, app.up(world.engine):
        assert world.engine.run("raw/f").output == "over"
    discoveries = [call for call in app.asked if not call.step]
    assert [call.plan_only for call in discoveries] == [False] + [True] * (len(discoveries) - 1)
    assert sorted(race.ran) == ["a", "b", "c"]
