"""The tools and the logger of a context, which are made when they are asked for: once, and nothing else is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

import inngest

client = inngest.Inngest(app_id="late", is_production=False)


class Wider(inngest.ContextSync):
    """Has its own way with what it lacks, as a class that declares more fields may."""

    def __getattr__(self, name: str) -> str:
        return f"my own {name}"


def outcome(handler: Callable[..., object]) -> object:
    """Return what a call of a function gives; raise what its handler raises."""
    create: Any = client.create_function(fn_id=handler.__name__, trigger=inngest.TriggerEvent(event="late/x"))
    result = create(handler).call_sync(client, inngest.CallInput(event=inngest.Event(name="late/x")))
    if result.error is not None:
        raise result.error
    return result.output


def test_they_are_made_once() -> None:
    def once(ctx: inngest.ContextSync) -> list[bool]:
        return [ctx.step is ctx.step, ctx.group is ctx.group, ctx.logger is ctx.logger]

    assert outcome(once) == [True, True, True]


def test_all_fields_are_there() -> None:
    def fields(ctx: inngest.ContextSync) -> list[str]:
        return [field.name for field in dataclasses.fields(ctx) if not hasattr(ctx, field.name)]

    assert outcome(fields) == []


def test_a_name_that_there_is_not() -> None:
    def typo(ctx: inngest.ContextSync) -> object:
        return getattr(ctx, "steps")  # noqa: B009

    with pytest.raises(AttributeError, match="'ContextSync' object has no attribute 'steps'"):
        outcome(typo)


def test_a_class_that_makes_up_what_it_lacks() -> None:
    def wider(ctx: Wider) -> list[object]:
        return [type(ctx.step).__name__, type(ctx.group).__name__, ctx.anything]

    assert outcome(wider) == ["StepSync", "GroupSync", "my own anything"]
