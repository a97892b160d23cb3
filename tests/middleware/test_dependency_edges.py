"""Dependency injection where it is easy to get wrong: task groups, managers of both kinds, overrides, slips."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Annotated, Any, ClassVar

import pytest

import inngest
from inngest.middleware.dependency_injection import DependencyInjection, Depends
from inngest_core.errors import FunctionConfigError
from tests.cases.case import Call
from tests.stage.asks import ASKS, Ask
from tests.stage.one_function import ops, request_of, serving, shown

EVERY_WAY = pytest.mark.parametrize("ask", ASKS)


def answer_of(handler: Callable[..., object], injection: DependencyInjection | None = None) -> tuple[int, Any]:
    with serving(handler, middleware=[injection or DependencyInjection()]) as app:
        return shown(app.handle_sync(request_of()))


# Task groups, which put what is raised in them into a group


async def tasks() -> AsyncIterator[asyncio.TaskGroup]:
    async with asyncio.TaskGroup() as group:
        yield group


@EVERY_WAY
def test_a_call_may_end_within_a_task_group(ask: Ask) -> None:
    async def handler(ctx: inngest.Context, group: Annotated[asyncio.TaskGroup, Depends(tasks)]) -> list[int]:
        both = [group.create_task(ctx.step.run(name, lambda: 1)) for name in ("a", "b")]
        return [await each for each in both]

    with serving(handler, middleware=[DependencyInjection()], checkpointing=False) as app:
        assert ops(ask(app, request_of())) == [("StepPlanned", "a"), ("StepPlanned", "b")]
        done = Call(steps={"a": {"data": 1}, "b": {"data": 2}})
        assert shown(ask(app, request_of(done))) == (200, [1, 2])


def test_what_is_raised_within_a_task_group_is_raised_as_it_is() -> None:
    async def handler(ctx: inngest.Context, _: Annotated[asyncio.TaskGroup, Depends(tasks)]) -> None:
        raise inngest.NonRetriableError("wrong")

    status, body = answer_of(handler)
    assert (status, body["name"], body["message"]) == (500, "NonRetriableError", "wrong")


def test_what_a_task_of_a_task_group_raises_besides_is_told() -> None:
    async def fail() -> None:
        raise OSError("no disk")

    async def handler(ctx: inngest.Context, group: Annotated[asyncio.TaskGroup, Depends(tasks)]) -> None:
        group.create_task(fail())

    status, body = answer_of(handler)
    assert (status, body["code"]) == (500, "dependency_failed")
    assert "closing tasks raised" in body["message"] and "OSError: no disk" in body["message"]


class Grouping(inngest.Middleware):
    async def wrap_handler(self, call: inngest.CallInfo, call_next: inngest.CallNext) -> object:
        async with asyncio.TaskGroup():
            return await call_next()


@EVERY_WAY
def test_a_hook_may_wrap_a_function_in_a_task_group(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.sleep("nap", 1000)
        raise ValueError("wrong")

    with serving(handler, middleware=[Grouping]) as app:
        assert ops(ask(app, request_of())) == [("Sleep", "nap")]
        status, body = shown(ask(app, request_of(Call(steps={"nap": {"data": None}}))))
    assert (status, body["name"], body["message"]) == (500, "ValueError", "wrong")


# Managers of both kinds


class OfBothKinds:
    """As clients of HTTP and of databases that once were sync."""

    closed: ClassVar[list[str]] = []

    def __enter__(self) -> str:
        return "sync"

    def __exit__(self, *_: object) -> None:
        self.closed.append("sync")

    async def __aenter__(self) -> str:
        return "async"

    async def __aexit__(self, *_: object) -> None:
        self.closed.append("async")


def test_what_can_be_opened_by_both_is_opened_as_the_function_needs_it() -> None:
    def sync(ctx: inngest.ContextSync, opened: Annotated[Any, Depends(OfBothKinds)]) -> object:
        return opened

    async def asynchronous(ctx: inngest.Context, opened: Annotated[Any, Depends(OfBothKinds)]) -> object:
        return opened

    OfBothKinds.closed.clear()
    assert (answer_of(sync), answer_of(asynchronous)) == ((200, "sync"), (200, "async"))
    assert OfBothKinds.closed == ["sync", "async"]


# Overrides


def name() -> str:
    return "real"


def test_overrides_may_be_assigned_as_in_fastapi() -> None:
    def handler(ctx: inngest.ContextSync, value: Annotated[str, Depends(name)]) -> str:
        return value

    injection = DependencyInjection({name: lambda: "first"})
    injection.overrides = {name: lambda: "second"}
    assert answer_of(handler, injection) == (200, "second")
    injection.overrides = {}
    assert answer_of(handler, injection) == (200, "real")


def test_a_value_is_no_override() -> None:
    def handler(ctx: inngest.ContextSync, value: Annotated[str, Depends(name)]) -> str:
        return value

    injection = DependencyInjection()
    overrides: dict[Any, Any] = injection.overrides
    overrides[name] = "a value"
    status, body = answer_of(handler, injection)
    assert (status, body["code"]) == (500, "config_invalid")
    assert body["message"] == "overrides has a str for name; give a function or a class"


# Slips


def exiting() -> None:
    raise SystemExit(3)


def yielding_twice() -> Iterator[int]:
    yield 1
    yield 2


@contextlib.contextmanager
def yielding_never() -> Generator[int]:
    yield from ()


def meeting_a_step(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("early", lambda: 1)


@pytest.mark.parametrize(
    ("dependency", "code", "said"),
    [
        (exiting, "dependency_failed", "dependency: exiting raised SystemExit: 3"),
        (
            yielding_twice,
            "dependency_failed",
            "dependency: closing yielding_twice raised RuntimeError: generator didn't",
        ),
        (yielding_never, "dependency_failed", "dependency: yielding_never raised RuntimeError: generator didn't yield"),
        (meeting_a_step, "step_unexpected", "a step was met before the function ran; meet steps in the function only"),
    ],
)
def test_what_a_dependency_cannot_do(dependency: Any, code: str, said: str) -> None:
    def handler(ctx: inngest.ContextSync, _: Annotated[object, None]) -> None: ...

    handler.__annotations__["_"] = Annotated[object, Depends(dependency)]
    status, body = answer_of(handler)
    assert (status, body["code"]) == (500, code)
    assert body["message"].startswith(said)


@pytest.mark.parametrize("is_default", [False, True])
def test_the_class_depends_is_no_marker(is_default: bool) -> None:
    marker: Any = Depends

    def annotated(ctx: inngest.ContextSync, session: Annotated[str, Depends]) -> None: ...

    def with_default(ctx: inngest.ContextSync, session: str = marker) -> None: ...

    handler: Any = with_default if is_default else annotated
    client = inngest.Inngest(app_id="app", is_production=False)
    with pytest.raises(FunctionConfigError, match="the parameter session has the class Depends itself as its marker"):
        client.create_function(fn_id="fn", middleware=[DependencyInjection()])(handler)


# Signatures


class TenantContext(inngest.ContextSync):
    tenant: str


def special(ctx: TenantContext) -> object:
    return ctx.tenant


def of_async_functions(ctx: inngest.Context) -> object:
    return ctx.run_id


@pytest.mark.parametrize(
    ("dependency", "said"),
    [
        (
            special,
            "ctx of special is annotated with TenantContext, but function app-fn has a ContextSync; "
            "annotate the function's own ctx with TenantContext",
        ),
        (
            of_async_functions,
            "ctx of of_async_functions is annotated with Context, but function app-fn has a ContextSync; "
            "annotate the parameter with Context | ContextSync",
        ),
    ],
)
def test_another_context_is_named_with_what_to_write(dependency: Any, said: str) -> None:
    def handler(ctx: inngest.ContextSync, _: Annotated[object, None]) -> None: ...

    handler.__annotations__["_"] = Annotated[object, Depends(dependency)]
    status, body = answer_of(handler)
    assert (status, body["code"], body["message"]) == (500, "config_invalid", said)


def test_a_union_cannot_be_made() -> None:
    def handler(ctx: inngest.ContextSync, it: Annotated[OfBothKinds | None, Depends()]) -> None: ...

    status, body = answer_of(handler)
    assert (status, body["code"]) == (500, "config_invalid")
    assert body["message"].endswith(", which Depends() cannot make; name what can")


@functools.lru_cache
def settings() -> list[str]:
    return ["made once"]


class Holder:
    @staticmethod
    @functools.lru_cache
    def of_run(ctx: inngest.ContextSync) -> str:
        return ctx.run_id


def test_a_dependency_may_be_cached_for_good() -> None:
    def handler(
        ctx: inngest.ContextSync,
        given: Annotated[list[str], Depends(settings)],
        run_id: Annotated[str, Depends(Holder.of_run)],
    ) -> object:
        return [given is settings(), given, run_id == ctx.run_id]

    assert answer_of(handler) == (200, [True, ["made once"], True])


def test_a_handler_may_be_a_static_method_that_is_not_bound_yet() -> None:
    class Holding:
        @staticmethod
        def handler(ctx: inngest.ContextSync, value: Annotated[str, Depends(name)]) -> str:
            return value

    unbound: Any = vars(Holding)["handler"]
    assert answer_of(unbound) == (200, "real")
