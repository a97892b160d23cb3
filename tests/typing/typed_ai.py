"""step.ai: the answer of a provider, and the type of what wrapped clients return."""

from __future__ import annotations

from typing import Any, assert_type

import inngest
import inngest.ai

ADAPTER: inngest.ai.Adapter = inngest.ai.anthropic.Adapter(auth_key="k", model="m")


def create(model: str, *, temperature: float = 1) -> dict[str, int]:
    return {model: int(temperature)}


async def create_async(model: str) -> list[str]:
    return [model]


async def asks(ctx: inngest.Context) -> None:
    assert_type(await ctx.step.ai.infer("a", adapter=ADAPTER, body={"max_tokens": 1}), dict[str, Any])
    assert_type(await ctx.step.ai.wrap("b", create_async, "m"), list[str])
    assert_type(await ctx.step.ai.wrap("c", create, "m", temperature=2), dict[str, int])


def asks_sync(ctx: inngest.ContextSync) -> None:
    assert_type(ctx.step.ai.infer("a", adapter=ADAPTER, body={}), dict[str, Any])
    assert_type(ctx.step.ai.wrap("b", create, model="m"), dict[str, int])
    ctx.step.ai.wrap("c", create, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
