"""Signals: what waiting and sending gives."""

from __future__ import annotations

from typing import assert_type

import inngest


async def waits(ctx: inngest.Context, client: inngest.Inngest) -> None:
    assert_type(await ctx.step.wait_for_signal("w", signal="go", timeout=1000), inngest.Signal | None)
    assert_type(await ctx.step.send_signal("s", signal="go", data=[1]), str | None)
    assert_type(await client.send_signal("go"), str | None)


def waits_sync(ctx: inngest.ContextSync, client: inngest.Inngest) -> None:
    signal = ctx.step.wait_for_signal("w", signal="go", timeout=1000, on_conflict="replace")
    assert_type(signal, inngest.Signal | None)
    assert_type(ctx.step.send_signal("s", signal="go"), str | None)
    assert_type(client.send_signal_sync("go", data={"n": 1}), str | None)
