"""A hook that never comes to an end: it ends with the call, and its clean-up runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import inngest
from tests.stage.one_function import request_of, serving

HOOKS = ("transform_input", "before_execution", "wrap_step", "wrap_handler", "wrap_request", "transform_output")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_hangs_ends_with_its_call(hook: str) -> None:
    seen: list[str] = []

    async def main() -> None:
        begun = asyncio.Event()

        async def hang(self: object, *args: Any) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                seen.append(f"{hook} ended")

        hanging = type("Hanging", (inngest.Middleware,), {hook: hang})

        async def handler(ctx: inngest.Context) -> int:
            return await ctx.step.run("s", lambda: 1)

        with serving(handler, middleware=[hanging], checkpointing=False) as app:
            call = asyncio.create_task(app.handle_async(request_of()))
            await begun.wait()
            call.cancel()  # as a server does when the client goes away
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(main())
    assert seen == [f"{hook} ended"]
