"""Handlers: `(ctx)`, `(ctx, step)`, partials, bound methods, callable objects, decorated ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import inngest

from .case import Case, both, ran, returned


def with_step(ctx: inngest.ContextSync, step: inngest.StepSync) -> object:
    return step.run("s", lambda: 1)


async def with_step_async(ctx: inngest.Context, step: inngest.Step) -> object:
    return await step.run("s", lambda: 1)


def with_default(ctx: inngest.ContextSync, shop: str = "here") -> object:
    return [shop]


async def with_default_async(ctx: inngest.Context, shop: str = "here") -> object:
    return [shop]


def three(shop: str, ctx: inngest.ContextSync, step: inngest.StepSync) -> object:
    return step.run("s", lambda: shop)


async def three_async(shop: str, ctx: inngest.Context, step: inngest.Step) -> object:
    return await step.run("s", lambda: shop)


def two(shop: str, ctx: inngest.ContextSync) -> object:
    return [shop]


async def two_async(ctx: inngest.Context, shop: str) -> object:
    return [shop]


class Shop:
    """Has handlers as methods, and is one."""

    def __init__(self, name: str) -> None:
        self.name = name

    def sell(self, ctx: inngest.ContextSync) -> object:
        return [self.name]

    async def sell_async(self, ctx: inngest.Context) -> object:
        return [self.name]

    def stock(self, ctx: inngest.ContextSync, step: inngest.StepSync) -> object:
        return step.run("s", lambda: self.name)

    async def stock_async(self, ctx: inngest.Context, step: inngest.Step) -> object:
        return await step.run("s", lambda: self.name)

    def __call__(self, ctx: inngest.ContextSync) -> object:
        return [self.name]


class AsyncShop(Shop):
    async def __call__(self, ctx: inngest.ContextSync) -> object:
        return [self.name]


def passing_on(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return handler(*args, **kwargs)

    return wrapper


def passing_on_async(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await handler(*args, **kwargs)

    return wrapper


context_and_step = Case(build=both(with_step, with_step_async), expect=ran("s", 1))
parameter_with_default = Case(build=both(with_default, with_default_async), expect=returned(["here"]))
partial = Case(
    build=both(functools.partial(three, "corner"), functools.partial(three_async, "corner")), expect=ran("s", "corner")
)
partial_of_context = Case(
    build=both(functools.partial(two, "corner"), functools.partial(two_async, shop="corner")),
    expect=returned(["corner"]),
)
bound_method = Case(build=both(Shop("corner").sell, Shop("corner").sell_async), expect=returned(["corner"]))
bound_method_with_step = Case(build=both(Shop("corner").stock, Shop("corner").stock_async), expect=ran("s", "corner"))
partial_of_bound_method = Case(
    build=both(functools.partial(Shop("corner").stock), functools.partial(Shop("corner").stock_async)),
    expect=ran("s", "corner"),
)
callable_object = Case(build=both(Shop("corner"), AsyncShop("corner")), expect=returned(["corner"]))
decorated = Case(build=both(passing_on(with_step), passing_on_async(with_step_async)), expect=ran("s", 1))
