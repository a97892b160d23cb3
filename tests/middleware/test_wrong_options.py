"""Options of ready-made middleware that are nearly right: each is refused at once, with what to write instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

import inngest
from inngest.middleware.dependency_injection import DependencyInjection
from inngest.middleware.encryption import EncryptionMiddleware
from inngest.middleware.remote_state import MemoryStore, RemoteStateMiddleware, S3Store
from inngest_core.errors import ConfigError
from tests.cases.case import RUN_ID, Call
from tests.stage.one_function import request_of, serving, shown


@pytest.mark.parametrize("keys", ["the old key", b"ab" * 32, {"old": "key"}, 7], ids=lambda keys: type(keys).__name__)
def test_one_older_key_is_no_list_of_them(keys: Any) -> None:
    with pytest.raises(
        ConfigError, match=f"^fallback_decryption_keys is an? {type(keys).__name__}; give a list of keys"
    ):
        EncryptionMiddleware.factory("new", fallback_decryption_keys=keys)


@pytest.mark.parametrize("field", ["", ["sealed"], 1], ids=repr)
def test_the_field_of_events_is_a_name(field: Any) -> None:
    with pytest.raises(ConfigError, match=r"^event_encryption_field is .*; give the name of a field"):
        EncryptionMiddleware.factory("new", event_encryption_field=field)


@pytest.mark.parametrize("given", ["false", "no", None, 0], ids=repr)
def test_whether_to_encrypt_is_said_with_true_or_false(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^decrypt_only is .*; give True or False"):
        EncryptionMiddleware.factory("new", decrypt_only=given)


class Half:
    strategy = "half"

    def put(self, key: str, data: bytes) -> None: ...


class Awaited(MemoryStore):
    async def get(self, key: str) -> bytes:  # type: ignore[override]
        return b""


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("bucket", "store is a str, which lacks strategy, address, put, get; give a store, such as MemoryStore"),
        (None, "store is None, which lacks strategy, address, put, get; give"),
        (Half(), "store is a Half, which lacks address, get; give a store"),
        (MemoryStore, "store is the class MemoryStore; give an instance of it"),
        (Awaited(), "get of the store is async def; write it with def"),
    ],
)
def test_what_is_no_store(store: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RemoteStateMiddleware.factory(store)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("bucket", ["", None], ids=repr)
def test_a_bucket_has_a_name(bucket: Any) -> None:
    with pytest.raises(ConfigError, match=r"^bucket is .*; give the name of a bucket"):
        S3Store(bucket)


class Texts(MemoryStore):
    """Gives back another type than it was given."""

    def get(self, key: str) -> Any:
        return json.dumps([1])


def test_a_store_that_gives_no_bytes_is_named() -> None:
    place = {"__REMOTE_STATE__": True, "__STRATEGY__": "inngest/memory", "key": f"inngest/remote_state/{RUN_ID}/1"}

    def handler(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("s", lambda: None)

    with serving(handler, middleware=[RemoteStateMiddleware.factory(Texts())]) as app:
        status, body = shown(app.handle_sync(request_of(Call(steps={"s": {"data": place}}))))
    assert (status, body["code"]) == (500, "remote_state_failed")
    assert body["message"] == f"the store gave a str for {place['key']}; its get must return bytes"


class NeedsMore(inngest.MiddlewareSync):
    def __init__(self, client: Any, raw_request: object, more: int) -> None:
        super().__init__(client, raw_request)


class Async(inngest.Middleware): ...


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (EncryptionMiddleware, "give what its factory returns: EncryptionMiddleware.factory(...)"),
        (EncryptionMiddleware.factory, "give what it returns: EncryptionMiddleware.factory(...)"),
        (RemoteStateMiddleware, "give what its factory returns: RemoteStateMiddleware.factory(...)"),
        (RemoteStateMiddleware.factory, "give what it returns: RemoteStateMiddleware.factory(...)"),
        (DependencyInjection, "give an instance of it: DependencyInjection(...)"),
        (NeedsMore, "give a class whose __init__ takes (client, raw_request), or an instance: NeedsMore(...)"),
        (MemoryStore(), "give a middleware class, or a function (client, raw_request) that returns an instance of one"),
    ],
)
def test_what_is_nearly_middleware(given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        inngest.Inngest(app_id="app", middleware=[given])
    message = str(caught.value)
    assert message.startswith("middleware[0] is ")
    assert message.endswith(said)


@pytest.mark.parametrize(
    ("sync", "asynchronous", "where"),
    [(1, Async, "sync"), (inngest.MiddlewareSync, 2, "asynchronous"), (Async, Async, "sync")],
)
def test_both_of_a_pair_are_checked(sync: Any, asynchronous: Any, where: str) -> None:
    with pytest.raises(ConfigError, match=rf"^middleware\[0\]\.{where} is .*; give .*middleware"):
        inngest.Inngest(app_id="app", middleware=[inngest.MiddlewarePair(sync, asynchronous)])
