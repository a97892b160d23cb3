"""What is known of a callback's result: found through partials, methods, wrappers, objects."""

from __future__ import annotations

import datetime
import functools
import xmlrpc.client
from collections.abc import Awaitable, Callable
from typing import Any, cast
from unittest import mock

import pydantic

from inngest_core.values.return_type import MISSING, returned_by
from tests.core.rich_values import AT, Model


class Repository:
    def load(self) -> Model:
        return Model(at=AT)

    async def load_async(self) -> Model:
        return Model(at=AT)

    @classmethod
    def make(cls, _: int) -> list[Model]:
        return []

    def __call__(self) -> datetime.date:
        return AT.date()


def decorated(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def wrapper(*args: object) -> Any:
        return callback(*args)

    return wrapper


def unresolvable() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    pass


def awaitable() -> Awaitable[Model]:
    return Repository().load_async()


def test_what_is_known_of_callbacks() -> None:
    repository = Repository()
    for callback in (
        repository.load,
        repository.load_async,
        functools.partial(Repository.load, repository),
        decorated(Repository.load),
        decorated(functools.partial(Repository.load, repository)),
        awaitable,
        Model,
    ):
        assert returned_by(callback).typ is Model, callback
        assert returned_by(callback) == returned_by(callback)
    assert returned_by(repository.make).typ == list[Model]
    assert returned_by(repository).typ is datetime.date
    assert returned_by(decorated(Repository.make)).typ == list[Model]
    assert returned_by(lambda: 1) is MISSING
    assert returned_by(print) is MISSING
    assert returned_by(dict).typ is None
    nowhere: Any = cast("Any", unresolvable)
    assert returned_by(nowhere).problem == (
        "its return annotation Nowhere cannot be used: name 'Nowhere' is not defined"
    )


class Proxy:
    """Gives any attribute, as clients of remote services do."""

    def __getattr__(self, name: str) -> Proxy:
        return self

    def __call__(self) -> None:
        raise AssertionError("it is only asked what it returns")


def turning() -> Model:
    return Model(at=AT)


def test_proxies_and_wrappers_that_never_end() -> None:
    turning.__wrapped__ = turning  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    for callback in (xmlrpc.client.ServerProxy("http://localhost/").add, mock.call, Proxy().add):
        assert returned_by(cast("Callable[..., object]", callback)).typ is None
    assert returned_by(turning).typ in (None, Model)
    cached = functools.lru_cache(Repository().load)
    assert returned_by(cached).typ is Model


def test_local_classes() -> None:
    def make() -> Callable[[], Any]:
        class Local(pydantic.BaseModel):
            number: int = 1

        def callback() -> Local:
            return Local()

        return callback

    for callback in (make(), make()):
        assert returned_by(callback).typ is type(callback())
