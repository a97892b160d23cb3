"""step.run infers its result from whatever is given to run."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar, assert_type, overload

import inngest

T = TypeVar("T")


@dataclasses.dataclass
class User:
    name: str


class Repository:
    """Its methods are given bound."""

    def load(self, user_id: int) -> User:
        return User(str(user_id))

    async def load_async(self, user_id: int) -> User:
        return User(str(user_id))

    @classmethod
    def make(cls) -> Repository:
        return cls()

    @staticmethod
    def count() -> int:
        return 0

    def __call__(self, text: str) -> bytes:
        return text.encode()


def load(user_id: int) -> User:
    return User(str(user_id))


def greet(user: User, greeting: str = "hello", *, loud: bool = False) -> str:
    return f"{greeting}, {user.name}{'!' if loud else ''}"


def total(*prices: float) -> float:
    return sum(prices)


def nothing() -> None: ...


def anything() -> Any:
    return 1


async def load_async(user_id: int) -> User:
    return User(str(user_id))


async def nothing_async() -> None: ...


def awaitable() -> Awaitable[User]:
    return load_async(1)


async def in_async_functions(step: inngest.Step, repository: Repository) -> None:
    assert_type(await step.run("function", load, 1), User)
    assert_type(await step.run("defaults", greet, User("ada")), str)
    assert_type(await step.run("all arguments", greet, User("ada"), "hi"), str)
    assert_type(await step.run("variadic", total, 1.0, 2.0), float)
    assert_type(await step.run("none", nothing), None)
    assert_type(await step.run("any", anything), Any)
    assert_type(await step.run("class", User, "ada"), User)

    assert_type(await step.run("async function", load_async, 1), User)
    assert_type(await step.run("async none", nothing_async), None)
    assert_type(await step.run("awaitable", awaitable), User)

    assert_type(await step.run("lambda", lambda: 1), int)
    assert_type(await step.run("lambda around a function", lambda: load(1)), User)
    assert_type(await step.run("lambda around an async function", lambda: load_async(1)), User)

    assert_type(await step.run("partial", functools.partial(load, 1)), User)
    assert_type(await step.run("partial with an argument left", functools.partial(greet, loud=True), User("ada")), str)
    assert_type(await step.run("async partial", functools.partial(load_async, 1)), User)

    assert_type(await step.run("method", repository.load, 1), User)
    assert_type(await step.run("async method", repository.load_async, 1), User)
    assert_type(await step.run("class method", Repository.make), Repository)
    assert_type(await step.run("static method", Repository.count), int)
    assert_type(await step.run("callable object", repository, "text"), bytes)

    assert_type(await step.run("output type", anything, output_type=User), User)
    assert_type(await step.run("output type, async", load_async, 1, output_type=User), User)


def in_plain_functions(step: inngest.StepSync, repository: Repository) -> None:
    assert_type(step.run("function", load, 1), User)
    assert_type(step.run("defaults", greet, User("ada")), str)
    assert_type(step.run("all arguments", greet, User("ada"), "hi"), str)
    assert_type(step.run("variadic", total, 1.0, 2.0), float)
    assert_type(step.run("none", nothing), None)
    assert_type(step.run("any", anything), Any)
    assert_type(step.run("class", User, "ada"), User)

    assert_type(step.run("lambda", lambda: 1), int)
    assert_type(step.run("lambda around a function", lambda: load(1)), User)

    assert_type(step.run("partial", functools.partial(load, 1)), User)
    assert_type(step.run("partial with an argument left", functools.partial(greet, loud=True), User("ada")), str)

    assert_type(step.run("method", repository.load, 1), User)
    assert_type(step.run("class method", Repository.make), Repository)
    assert_type(step.run("static method", Repository.count), int)
    assert_type(step.run("callable object", repository, "text"), bytes)

    assert_type(step.run("output type", anything, output_type=User), User)


async def wrong_arguments_are_refused(step: inngest.Step) -> None:
    await step.run("wrong type", load, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    await step.run("one missing", load)  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportArgumentType, reportCallIssue]


def wrong_arguments_are_refused_in_plain_functions(step: inngest.StepSync) -> None:
    step.run("wrong type", load, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    step.run("one missing", load)  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportArgumentType, reportCallIssue]


def generic_code_keeps_its_types(step: inngest.StepSync, make: Callable[[], list[int]]) -> list[int]:
    return step.run("generic", make)


# Callbacks whose types are harder to see


@overload
def double(value: int) -> int: ...
@overload
def double(value: str) -> str: ...
def double(value: int | str) -> int | str:
    return value * 2


def first(items: Sequence[T]) -> T:
    return items[0]


async def first_async(items: Sequence[T]) -> T:
    return items[0]


def page(number: int, *, size: int, newest: bool = True) -> list[User]:
    return [User(str(number))] * size


async def find(name: str = "ada", *, active: bool = True) -> User | None:
    return User(name) if active else None


class Store(Generic[T]):
    """Its methods return what it holds."""

    def __init__(self, item: T) -> None:
        self.item = item

    def get(self) -> T:
        return self.item

    async def get_async(self, attempts: int = 1) -> T:
        return self.item


class Fetch(Protocol):
    def __call__(self, user_id: int, /) -> Awaitable[User]: ...


async def harder_ones_in_async_functions(step: inngest.Step, store: Store[User], fetch: Fetch) -> None:
    assert_type(await step.run("overloaded", double, 1), int)
    assert_type(await step.run("overloaded, the other one", double, "a"), str)
    assert_type(await step.run("generic", first, [1.5]), float)
    assert_type(await step.run("generic, async", first_async, ["a"]), str)
    assert_type(await step.run("method of a generic", store.get), User)
    assert_type(await step.run("async method of a generic", store.get_async), User)
    assert_type(await step.run("with a default given", store.get_async, 3), User)
    assert_type(await step.run("keyword-only, by partial", functools.partial(page, size=3), 1), list[User])
    assert_type(await step.run("keyword-only, by lambda", lambda: page(1, size=3)), list[User])
    assert_type(await step.run("all defaults, async", find), User | None)
    assert_type(await step.run("async partial", functools.partial(find, active=False), "ada"), User | None)
    assert_type(await step.run("protocol", fetch, 1), User)
    assert_type(await step.run("lambda with an argument", lambda number: number + 1, 1), int)


def harder_ones_in_plain_functions(step: inngest.StepSync, store: Store[User]) -> None:
    assert_type(step.run("overloaded", double, 1), int)
    assert_type(step.run("overloaded, the other one", double, "a"), str)
    assert_type(step.run("generic", first, [1.5]), float)
    assert_type(step.run("method of a generic", store.get), User)
    assert_type(step.run("keyword-only, by partial", functools.partial(page, size=3), 1), list[User])
    assert_type(step.run("keyword-only, by lambda", lambda: page(1, size=3)), list[User])
    assert_type(step.run("lambda with an argument", lambda number: number + 1, 1), int)


async def output_types(step: inngest.Step, plain: inngest.StepSync) -> None:
    assert_type(await step.run("alias", anything, output_type=list[User]), list[User])
    assert_type(plain.run("alias", anything, output_type=dict[str, User]), dict[str, User])
    assert_type(await step.run("annotated", anything, output_type=Annotated[int, "a rule"]), int)
    assert_type(plain.run("literal", anything, output_type=Literal["a", "b"]), Literal["a", "b"])
    assert_type(await step.invoke_by_id("alias", function_id="f", output_type=list[User]), list[User])
    assert_type(plain.invoke_by_id("annotated", function_id="f", output_type=Annotated[int, "a rule"]), int)
    assert_type(await step.run("union", anything, output_type=int | None), int | None)
