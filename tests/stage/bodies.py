"""One body, both kinds: a function is written once, as a generator that yields what its steps give.

    def body(ctx, step):
        user = yield step.run("load", load)      # the value in a `def`, an awaitable in an `async def`
        return user

The handlers made of it are ordinary ones: a `def` that drives the generator, or an `async def` that awaits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

import inngest
from tests.cases.case import HandlerKind

Script = Generator[Any, Any, Any]
Body = Callable[[Any, Any], Any]
"""A generator function as above, or a plain one that has no steps."""


def handler(body: Body, kind: HandlerKind) -> Callable[[Any, Any], Any]:
    """Return *body* as a handler of that kind."""

    def plain(ctx: inngest.ContextSync, step: inngest.StepSync) -> Any:
        script = body(ctx, step)
        return drive(script) if _has_steps(script) else script

    async def coroutine(ctx: inngest.Context, step: inngest.Step) -> Any:
        script = body(ctx, step)
        return await drive_async(script) if _has_steps(script) else script

    return plain if kind is HandlerKind.SYNC else coroutine


def _has_steps(script: object) -> bool:
    return isinstance(script, Generator)


def branch(kind: HandlerKind, script: Callable[..., Script], *args: Any) -> Callable[[], Any]:
    """Return a branch of several steps for `ctx.group.parallel`."""
    return (lambda: drive(script(*args))) if kind is HandlerKind.SYNC else (lambda: drive_async(script(*args)))


def drive(script: Script) -> Any:
    """Run a script whose steps give their values at once."""
    try:
        value = next(script)
        while True:
            value = script.send(value)
    except StopIteration as end:
        return end.value


async def drive_async(script: Script) -> Any:
    """Run a script whose steps give awaitables."""
    try:
        awaitable: Awaitable[Any] = next(script)
        while True:
            try:
                value = await awaitable
            except BaseException as error:  # the body decides, as in any coroutine
                awaitable = script.throw(error)
            else:
                awaitable = script.send(value)
    except StopIteration as end:
        return end.value
