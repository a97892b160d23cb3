"""Dependency injection: what is made, how often, when it is closed, and what is said when it cannot be."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Annotated, Any

import fastapi
import pytest

import inngest
from inngest.middleware.dependency_injection import DependencyInjection, Depends
from inngest_core.errors import FunctionConfigError
from inngest_core.web.messages import Request
from tests.stage.asks import ASKS, Ask
from tests.stage.one_function import ops, request_of, serving, shown

log: list[str] = []
MARKER = pytest.mark.parametrize("marker", [Depends, fastapi.Depends], ids=["ours", "fastapi"])
EVERY_WAY = pytest.mark.parametrize("ask", ASKS)


@pytest.fixture(autouse=True)
def empty_log() -> None:
    log.clear()


@contextlib.contextmanager
def logged(name: str) -> Generator[str]:
    log.append(f"open {name}")
    try:
        yield name
    except BaseException as error:
        log.append(f"{name} sees {type(error).__name__}")
        raise
    finally:
        log.append(f"close {name}")


def settings() -> str:
    log.append("settings")
    return "settings"


def by_yield(given: Annotated[str, Depends(settings)]) -> Iterator[str]:
    with logged("by_yield") as name:
        yield f"{name} of {given}"


@contextlib.contextmanager
def by_manager(given: Annotated[str, Depends(settings)], inner: Annotated[str, Depends(by_yield)]) -> Generator[str]:
    with logged("by_manager") as name:
        yield name


async def by_async_yield(inner: Annotated[str, Depends(by_manager)]) -> AsyncIterator[str]:
    with logged("by_async_yield") as name:
        await asyncio.sleep(0)
        yield name
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def by_async_manager() -> AsyncGenerator[str]:
    with logged("by_async_manager") as name:
        yield name


async def by_await(ctx: inngest.Context) -> str:
    await asyncio.sleep(0)
    return ctx.run_id


class Opened:
    def __init__(self, ctx: inngest.Context | inngest.ContextSync) -> None:
        self.run_id = ctx.run_id

    def __enter__(self) -> Opened:
        log.append("open Opened")
        return self

    def __exit__(self, *_: object) -> bool:
        log.append("close Opened")
        return True


def answer_of(handler: Callable[..., object], ask: Ask = ASKS[0], injection: Any = None) -> tuple[int, Any]:
    with serving(handler, middleware=[injection or DependencyInjection()]) as app:
        return shown(ask(app, request_of()))


@EVERY_WAY
def test_a_sync_function_gets_what_it_declares(ask: Ask) -> None:
    def handler(
        ctx: inngest.ContextSync,
        manager: Annotated[str, Depends(by_manager)],
        generator: Annotated[str, Depends(by_yield)],
        opened: Annotated[Opened, Depends()],
    ) -> object:
        log.append("handler")
        return [manager, generator, opened.run_id == ctx.run_id]

    assert answer_of(handler, ask) == (200, ["by_manager", "by_yield of settings", True])
    opening = ["settings", "open by_yield", "open by_manager", "open Opened"]
    assert log == [*opening, "handler", "close Opened", "close by_manager", "close by_yield"]


@EVERY_WAY
def test_an_async_function_gets_what_it_declares(ask: Ask) -> None:
    async def handler(
        ctx: inngest.Context,
        first: Annotated[str, Depends(by_async_yield)],
        second: Annotated[str, Depends(by_async_manager)],
        run_id: Annotated[str, Depends(by_await)],
    ) -> object:
        return [first, second, run_id == ctx.run_id]

    assert answer_of(handler, ask) == (200, ["by_async_yield", "by_async_manager", True])
    opening = [f"open {name}" for name in ("by_yield", "by_manager", "by_async_yield", "by_async_manager")]
    assert log == ["settings", *opening, *(line.replace("open", "close") for line in reversed(opening))]


def fresh() -> list[int]:
    return []


@MARKER
def test_values_are_shared_unless_asked_otherwise(marker: Any) -> None:
    def handler(ctx: inngest.ContextSync, a: object, b: object, c: object, d: object = marker(fresh)) -> object:
        return [a is b, a is c, a is d]

    for name in ("a", "b", "c"):
        handler.__annotations__[name] = Annotated[object, marker(fresh, use_cache=name != "c")]
    assert answer_of(handler) == (200, [True, False, True])


@dataclasses.dataclass
class Number:
    """Can be called, and has no hash."""

    value: int

    def __call__(self) -> int:
        return self.value


@dataclasses.dataclass
class Config:
    ctx: inngest.ContextSync
    number: Annotated[int, Depends(Number(3))]


def test_whatever_can_be_called_may_be_a_dependency() -> None:
    def handler(
        ctx: inngest.ContextSync,
        number: Annotated[int, Depends(Number(1))],
        config: Annotated[Config, Depends()],
        largest: Annotated[int, Depends(functools.partial(max, 1, 2))],
        empty: Annotated[dict[str, int], Depends(dict)],
    ) -> object:
        return [number, config.number, config.ctx is ctx, largest, empty]

    assert answer_of(handler) == (200, [1, 3, True, 2, {}])


def failing_session() -> Iterator[None]:
    with logged("session"):
        yield


def swallowing() -> Iterator[None]:
    with contextlib.suppress(BaseException):
        yield


@EVERY_WAY
@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_is_seen_and_cannot_be_silenced(ask: Ask, is_async: bool) -> None:
    def sync(
        ctx: inngest.ContextSync,
        _: Annotated[None, Depends(failing_session)],
        __: Annotated[None, Depends(swallowing)],
        ___: Annotated[Opened, Depends()],
    ) -> None:
        raise ValueError("wrong")

    async def asynchronous(
        ctx: inngest.Context,
        _: Annotated[None, Depends(failing_session)],
        __: Annotated[None, Depends(swallowing)],
        ___: Annotated[Opened, Depends()],
    ) -> None:
        raise ValueError("wrong")

    status, body = answer_of(asynchronous if is_async else sync, ask)
    assert (status, body["name"], body["message"]) == (500, "ValueError", "wrong")
    assert log == ["open session", "open Opened", "close Opened", "session sees ValueError", "close session"]


@EVERY_WAY
@pytest.mark.parametrize("is_async", [False, True])
def test_resources_are_closed_when_the_call_ends_early(ask: Ask, is_async: bool) -> None:
    def sync(ctx: inngest.ContextSync, _: Annotated[None, Depends(failing_session)]) -> None:
        ctx.step.sleep("nap", 1000)

    async def asynchronous(ctx: inngest.Context, _: Annotated[None, Depends(failing_session)]) -> None:
        await ctx.step.sleep("nap", 1000)

    with serving(asynchronous if is_async else sync, middleware=[DependencyInjection()]) as app:
        assert ops(ask(app, request_of())) == [("Sleep", "nap")]
    assert log == ["open session", "session sees Interrupt", "close session"]


async def slow_to_close() -> AsyncIterator[None]:
    with logged("slow"):
        try:
            yield
        finally:
            await asyncio.sleep(0)


def test_resources_are_closed_when_the_client_goes_away() -> None:
    async def run() -> None:
        running = asyncio.Event()

        async def handler(
            ctx: inngest.Context,
            _: Annotated[None, Depends(failing_session)],
            __: Annotated[None, Depends(slow_to_close)],
        ) -> None:
            running.set()
            await asyncio.Event().wait()

        with serving(handler, middleware=[DependencyInjection()]) as app:
            request: Request = request_of()
            task = asyncio.create_task(app.handle_async(request))
            await running.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert [line for line in log if line.startswith("close")] == ["close slow", "close session"]


def broken() -> str:
    raise OSError("no database")


def broken_at_the_end() -> Iterator[None]:
    yield
    raise OSError("no commit")


def hopeless() -> str:
    raise inngest.NonRetriableError("never")


def needs_request(request: fastapi.Request) -> None: ...


def needs_query(size: int = fastapi.Query()) -> None: ...


def page_size(size: int = fastapi.Query(20), after: str | None = fastapi.Query(None)) -> object:
    return [size, after]


def limited(_: Annotated[str, fastapi.Depends(broken, max_concurrency=2)]) -> None: ...


def circle(_: Annotated[str, Depends(lambda: "")]) -> str:
    return ""


circle.__annotations__["_"] = Annotated[str, Depends(circle)]


async def is_async() -> None: ...


def test_what_a_route_would_read_from_its_request_has_its_default() -> None:
    def handler(ctx: inngest.ContextSync, it: Annotated[object, fastapi.Depends(page_size)]) -> object:
        return it

    assert answer_of(handler) == (200, [20, None])


@pytest.mark.parametrize(
    ("dependency", "code", "said"),
    [
        (broken, "dependency_failed", "dependency: broken raised OSError: no database"),
        (broken_at_the_end, "dependency_failed", "dependency: closing broken_at_the_end raised OSError: no commit"),
        (hopeless, "non_retriable_error", "never"),
        (needs_request, "config_invalid", "nothing gives request of needs_request: it has no Depends, no default"),
        (needs_query, "config_invalid", "nothing gives size of needs_query: Query(PydanticUndefined) reads it from a"),
        (limited, "config_invalid", "_ of limited has a max_concurrency, which is for routes only; limit the function"),
        (circle, "config_invalid", "_ of circle depends on itself: circle -> circle; break the circle"),
        (is_async, "async_unsupported", "function app-fn is a sync function, and depends on is_async, which is async"),
        (by_async_manager, "async_unsupported", "function app-fn is a sync function, and depends on by_async_manager"),
        (by_await, "async_unsupported", "function app-fn is a sync function, and depends on by_await"),
        (3, "config_invalid", "it of function app-fn depends on 3; give Depends a function or a class"),
    ],
)
def test_what_cannot_be_given(dependency: Any, code: str, said: str) -> None:
    def handler(
        ctx: inngest.ContextSync, session: Annotated[None, Depends(failing_session)], it: Annotated[Any, None]
    ) -> None: ...

    handler.__annotations__["it"] = Annotated[Any, Depends(dependency)]
    status, body = answer_of(handler)
    assert status == 500
    assert body["message"].startswith(said)
    assert body["code"] == code
    assert log[-1] == "close session"


def test_all_are_closed_when_closing_one_fails() -> None:
    def handler(
        ctx: inngest.ContextSync,
        _: Annotated[None, Depends(failing_session)],
        __: Annotated[None, Depends(broken_at_the_end)],
    ) -> None: ...

    assert answer_of(handler)[0] == 500
    assert log == ["open session", "session sees DependencyError", "close session"]


def test_overrides_apply_to_the_next_call_and_to_what_is_inside() -> None:
    def handler(ctx: inngest.ContextSync, value: Annotated[str, Depends(by_yield)]) -> str:
        return value

    injection = DependencyInjection({settings: lambda: "test settings"})
    assert answer_of(handler, injection=injection) == (200, "by_yield of test settings")
    injection.overrides[by_yield] = lambda: "another"
    assert answer_of(handler, injection=injection) == (200, "another")
    injection.overrides.clear()
    assert answer_of(handler, injection=injection) == (200, "by_yield of settings")


def test_what_other_middleware_gives_is_kept() -> None:
    class Giving(inngest.MiddlewareSync):
        def wrap_handler(self, call: inngest.CallInfo) -> Iterator[None]:
            call.arguments["value"] = "given"
            yield

    def handler(ctx: inngest.ContextSync, value: Annotated[str, Depends(broken)]) -> str:
        return value

    with serving(handler, middleware=[Giving, DependencyInjection()]) as app:
        assert shown(app.handle_sync(request_of())) == (200, "given")


def test_an_annotation_that_cannot_be_evaluated_is_not_taken_for_the_step() -> None:
    def get_local() -> str:
        return "a session"

    async def handler(ctx: inngest.Context, session: Annotated[str, Depends(get_local)]) -> str:
        return session

    with (
        pytest.raises(FunctionConfigError, match=r"takes session: Annotated\[str, Depends\(get_local\)\], and"),
        serving(handler, middleware=[DependencyInjection()]),
    ):
        pass


async def by_name(ctx: inngest.Context, step: Unknown) -> None:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    await step.run("s", lambda: "ran")  # pyright: ignore


async def by_annotation(ctx: inngest.Context, s: UnknownStep) -> None:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    await s.run("s", lambda: "ran")  # pyright: ignore


async def by_position(ctx: inngest.Context, s) -> None:  # type: ignore[no-untyped-def]  # pyright: ignore
    await s.run("s", lambda: "ran")  # pyright: ignore


HANDLERS: list[Any] = [by_name, by_annotation, by_position]  # pyright: ignore


@pytest.mark.parametrize("handler", HANDLERS)
def test_the_step_may_have_an_annotation_that_cannot_be_evaluated(handler: Any) -> None:
    with serving(handler, checkpointing=False) as app:
        assert ops(asyncio.run(app.handle_async(request_of()))) == [("StepRun", "s")]


def with_default(ctx: inngest.Context, limit: Unknown = 5) -> int:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    return limit  # type: ignore[no-any-return]  # pyright: ignore


def with_keyword(ctx: inngest.Context, *, limit: Unknown = 5) -> int:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    return limit  # type: ignore[no-any-return]  # pyright: ignore


def with_any(ctx: inngest.Context, *rest: Unknown, **others: Unknown) -> int:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    return 5 + len(rest) + len(others)  # pyright: ignore


OPTIONAL: list[Any] = [with_default, with_keyword, with_any]  # pyright: ignore


@pytest.mark.parametrize("handler", OPTIONAL)
def test_a_parameter_that_nothing_is_given_for_may_have_any_annotation(handler: Any) -> None:
    with serving(handler) as app:
        assert shown(app.handle_sync(request_of())) == (200, 5)
