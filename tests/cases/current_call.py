"""inngest.current and the decorator on top of it: the running function, found in everything that it calls."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars

import inngest
import inngest.experimental

from .case import RUN_ID, Case, Saying, both, error, planned, raised, ran, returned

# In the function, and in what it calls


def library() -> str:
    return inngest.current().run_id


def in_function(ctx: inngest.ContextSync) -> object:
    return [inngest.current() is ctx, inngest.current(inngest.ContextSync) is ctx, library()]


async def in_function_async(ctx: inngest.Context) -> object:
    return [inngest.current() is ctx, inngest.current(inngest.Context) is ctx, library()]


function = Case(build=both(in_function, in_function_async), expect=returned([True, True, RUN_ID]))


def in_step(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", lambda: inngest.current() is ctx)


async def in_step_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", lambda: inngest.current() is ctx)


step = Case(build=both(in_step, in_step_async), expect=ran("s", True))


def in_branches(ctx: inngest.ContextSync) -> object:
    def branch(name: str) -> object:
        return inngest.current(inngest.ContextSync).step.run(name, library)

    return ctx.group.parallel((lambda: branch("a"), lambda: branch("b")))


async def in_branches_async(ctx: inngest.Context) -> object:
    async def branch(name: str) -> object:
        return await inngest.current(inngest.Context).step.run(name, library)

    return await asyncio.gather(asyncio.create_task(branch("a")), branch("b"))


branches = Case(build=both(in_branches, in_branches_async), expect=planned("a", "b"))


# In threads


def in_thread(ctx: inngest.ContextSync) -> object:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, library).result()


async def in_thread_async(ctx: inngest.Context) -> object:
    return await asyncio.to_thread(library)


thread = Case(build=both(in_thread, in_thread_async), expect=returned(RUN_ID))


def in_bare_thread(ctx: inngest.ContextSync) -> object:
    with concurrent.futures.ThreadPoolExecutor(1, "bare") as pool:
        return pool.submit(library).result()


async def in_bare_thread_async(ctx: inngest.Context) -> object:
    with concurrent.futures.ThreadPoolExecutor(1, "bare") as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, library)


bare_thread = Case(
    build=both(in_bare_thread, in_bare_thread_async),
    expect=raised(
        error(
            "NoCurrentCallError",
            Saying("current_call.py", "(library)", 'the thread "bare_0"', "copy_context"),
            code="no_current_call",
        )
    ),
)


def other_kind(ctx: inngest.ContextSync) -> object:
    return inngest.current(inngest.Context).run_id


async def other_kind_async(ctx: inngest.Context) -> object:
    return inngest.current(inngest.ContextSync).run_id


wrong_kind = Case(
    build=both(other_kind, other_kind_async),
    expect=raised(error("NoCurrentCallError", Saying("app-fn", "has a Context"), code="no_current_call")),
)


# inngest.experimental


@inngest.experimental.step("double")
def double(number: int, *, plus: int = 0) -> int:
    return number * 2 + plus


@inngest.experimental.step("double")
async def double_async(number: int, *, plus: int = 0) -> int:
    return number * 2 + plus


def decorated_sync(ctx: inngest.ContextSync) -> object:
    return double(4, plus=1)


async def decorated_async(ctx: inngest.Context) -> object:
    return await double_async(4, plus=1)


decorated = Case(build=both(decorated_sync, decorated_async), expect=ran("double", 9))


def decorated_other_kind(ctx: inngest.ContextSync) -> object:
    double_async(4).send(None)
    return None


async def decorated_other_kind_async(ctx: inngest.Context) -> object:
    return double(4)


decorated_wrong_kind = Case(
    build=both(decorated_other_kind, decorated_other_kind_async),
    expect=raised(
        error("ConfigError", Saying('step "double"', "plain def", "async def"), code="config_invalid"), no_retry=True
    ),
)


def tools_sync(ctx: inngest.ContextSync) -> object:
    with inngest.experimental.set_step_context(ctx.step):
        return inngest.experimental.get_step_context() is ctx.step


async def tools_async(ctx: inngest.Context) -> object:
    found = inngest.experimental.get_step_context() is ctx.step

    def elsewhere() -> bool:
        with inngest.experimental.set_step_context(ctx.step):
            return inngest.experimental.get_step_context() is ctx.step

    return found and contextvars.Context().run(elsewhere)


tools = Case(build=both(tools_sync, tools_async), expect=returned(True))
