"""The stack of a failed step begins with the user's code, also where an integration wraps the step."""

from __future__ import annotations

import re
from typing import Any

import pytest

import inngest
from inngest.middleware.opentelemetry import OpenTelemetryMiddleware
from inngest.middleware.sentry import SentryMiddleware
from tests.stage.one_function import request_of, serving, shown


@pytest.mark.parametrize("middleware", [OpenTelemetryMiddleware, SentryMiddleware])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["def", "async"])
def test_no_frame_of_an_integration_is_told(middleware: Any, asynchronous: bool) -> None:
    def charge() -> None:
        raise ValueError("no luck")

    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.run("charge", charge)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.run("charge", charge)

    used: Any = handler_async if asynchronous else handler
    with serving(used, middleware=[middleware], checkpointing=False) as app:
        (op,) = shown(app.handle_sync(request_of()))[1]
    assert re.findall(r'File "(.*)", line \d+, in (\w+)', op["error"]["stack"]) == [(__file__, "charge")]
