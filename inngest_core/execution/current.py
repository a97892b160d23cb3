"""The call that is running, for code that is not given its context: libraries, loggers, ORMs.

A context variable holds it, so every call, task and branch has its own. A thread has it where whoever starts its work
passes the context variables on: `asyncio.to_thread` and the pools of async frameworks do, a bare
`ThreadPoolExecutor` does not.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

from inngest_core.errors import ConfigError, NoCurrentCallError
from inngest_core.runtime.whereabouts import whereabouts

from .context import Context, ContextSync

C = TypeVar("C", Context[Any], ContextSync[Any])


@dataclass(slots=True, eq=False)
class CurrentCall:
    """One call of a function, as code in it finds it. ended: what still finds it was left behind.

    runs_new_code: tells whether code that runs now has not run in an earlier call.
    """

    ctx: Context | ContextSync
    runs_new_code: Callable[[], bool]
    ended: bool = False


current_call: contextvars.ContextVar[CurrentCall | None] = contextvars.ContextVar("inngest_call", default=None)


@overload
def current(kind: None = None) -> Context | ContextSync: ...
@overload
def current(kind: type[C]) -> C: ...
def current(kind: type[Any] | None = None) -> Context[Any] | ContextSync[Any]:
    """Return the context of the function that is running, in the function itself and in everything that it calls.

    It is also found in the steps of the function, in its tasks, and in threads that inherit its context variables, as
    those of `asyncio.to_thread` do.

    kind: `inngest.Context` or `inngest.ContextSync`, where only the context of an `async def` or of a plain `def` will
        do; by default whichever the function has.
    Returns what the function was given as `ctx`; its `step` is the function's own.
    Raises NoCurrentCallError: no function is running here, or it has ended, or it is of the other kind; the message
    says where that was asked. ConfigError: another kind.
    """
    if cast("object", kind) not in (None, Context, ContextSync):
        raise ConfigError(f"kind is {kind!r}; give inngest.Context or inngest.ContextSync, or leave it out")
    call = current_call.get()
    if call is None:
        raise NoCurrentCallError(
            f"no function is running at {whereabouts(__file__)}; call this in a function that was defined with "
            "create_function, or in what it calls; in a thread, only where the thread was started with the context "
            "variables of the function: by asyncio.to_thread(work), or executor.submit(contextvars.copy_context().run, "
            "work)"
        )
    ctx = call.ctx
    if call.ended:
        raise NoCurrentCallError(
            f"the call of function {ctx.fn_id} has ended, but code of it still runs at {whereabouts(__file__)}; "
            "await, in the function, the tasks and threads that it starts"
        )
    if kind is not None and not isinstance(ctx, kind):
        raise NoCurrentCallError(
            f"the function {ctx.fn_id}, which is running at {whereabouts(__file__)}, has a {type(ctx).__name__}, not a "
            f"{kind.__name__}; {_OTHER_KIND[type(ctx)]}"
        )
    return ctx


_OTHER_KIND: dict[type, str] = {
    Context: "make the code that asks async def, for an async def function",
    ContextSync: "make the function async def, or the code that asks a plain def",
}
