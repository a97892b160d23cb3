"""Encryption: the envelopes of the other SDKs both ways, keys that change, and whole runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
import pytest

import inngest
import inngest_encryption
from inngest.middleware.encryption import DecryptionError, EncryptionMiddleware
from inngest_core.errors import ConfigError
from inngest_core.serving.app import App
from inngest_middleware.encryption import Keyring
from tests.cases.case import APP_ID, FN_ID, Call, HandlerKind
from tests.stage.asks import ask_sync
from tests.stage.engine_api import EngineDouble
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import silent_logger
from tests.stage.one_function import request_of, shown

RECORDINGS = Path(__file__).parents[1] / "golden" / "recordings"
VECTORS: list[dict[str, Any]] = json.loads((RECORDINGS / "encryption-vectors.json").read_text(encoding="utf-8"))
VECTOR = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["plain_bytes"])
BOTH = pytest.mark.parametrize("kind", HandlerKind)
KEY = "correct horse battery staple"


@VECTOR
def test_envelopes_are_those_of_the_other_sdks(vector: dict[str, Any]) -> None:
    keyring = Keyring([vector["key"]])
    assert keyring.encrypt(vector["plain"], nonce=bytes.fromhex(vector["nonce_hex"])) == vector["envelope"]
    assert keyring.decrypt(vector["envelope"], "it") == vector["plain"]


def test_a_key_may_be_given_as_hexadecimal_digits() -> None:
    assert Keyring([b"ab" * 32]).decrypt(Keyring([b"AB" * 32]).encrypt([1]), "it") == [1]


def test_each_envelope_is_another() -> None:
    keyring = Keyring([KEY])
    assert keyring.encrypt(1) != keyring.encrypt(1)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([""], "secret_key is an empty text; give a text"),
        ([None], "secret_key is None; give a text"),
        ([b"abcd"], "secret_key is 4 bytes; give a text, or 64 hexadecimal digits as bytes"),
        (["a", b"x" * 64], r"fallback_decryption_keys\[0\] is 64 bytes; give a text"),
    ],
)
def test_keys_that_cannot_be_used(keys: list[Any], said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{said}"):
        EncryptionMiddleware.factory(keys[0], fallback_decryption_keys=keys[1:])


def test_a_wrong_key_is_named_by_fingerprint_only() -> None:
    envelope = Keyring([KEY]).encrypt({"card": "4111"})
    with pytest.raises(DecryptionError) as caught:
        Keyring(["wrong", "older"]).decrypt(envelope, "the result of a step")
    text = str(caught.value)
    assert text.startswith(
        "the result of a step cannot be decrypted with any of the 2 keys of this app (fingerprints: "
    )
    assert "wrong" not in text
    assert "older" not in text
    assert caught.value.retriable


@pytest.mark.parametrize("data", ["AAEC", "", "not base64!", None], ids=repr)
def test_damaged_envelopes_are_refused(data: object) -> None:
    with pytest.raises(DecryptionError):
        Keyring([KEY]).decrypt({"data": data}, "it")


def test_the_package_of_the_official_sdk() -> None:
    assert inngest_encryption.EncryptionMiddleware is EncryptionMiddleware


class Payment(pydantic.BaseModel):
    amount: int


def pay() -> Payment:
    return Payment(amount=5)


def paying(client: inngest.Inngest, kind: HandlerKind) -> inngest.Function[Any]:
    def sync(ctx: inngest.ContextSync) -> str:
        payment = ctx.step.run("pay", pay)
        ctx.step.sleep("nap", 1000)
        return f"{type(payment).__name__} of {payment.amount}"

    async def asynchronous(ctx: inngest.Context) -> str:
        payment = await ctx.step.run("pay", pay)
        await ctx.step.sleep("nap", 1000)
        return f"{type(payment).__name__} of {payment.amount}"

    handler: Any = sync if kind is HandlerKind.SYNC else asynchronous
    made: inngest.Function[Any] = client.create_function(fn_id=FN_ID)(handler)
    return made


def serving(kind: HandlerKind, client: inngest.Inngest) -> InProcessEngine:
    return InProcessEngine(App(client, [paying(client, kind)], framework="bare"), ask_sync, lambda count: 0)


def client_with(*middleware: Any, **options: Any) -> inngest.Inngest:
    given: dict[str, Any] = {"is_production": False, "logger": silent_logger(), **options}
    return inngest.Inngest(app_id=APP_ID, middleware=list(middleware), **given)


@BOTH
def test_a_run_whose_engine_sees_nothing(kind: HandlerKind) -> None:
    with client_with(EncryptionMiddleware.factory(KEY)) as client:
        engine = serving(kind, client)
        output: Any = engine.run()
    assert Keyring([KEY]).decrypt(output, "the output") == "Payment of 5"
    assert "amount" not in json.dumps(list(engine.memos.values()))


@BOTH
def test_a_run_that_was_begun_with_the_old_key_ends_with_the_new_one(kind: HandlerKind) -> None:
    with client_with(EncryptionMiddleware.factory("old")) as client:
        engine = serving(kind, client)
        engine.keep(engine.call()[1][0])
    rotated = EncryptionMiddleware.factory("new", fallback_decryption_keys=["old"])
    with client_with(rotated) as client:
        engine.app = App(client, [paying(client, kind)], framework="bare")
        output: Any = engine.run()
    assert Keyring(["new"]).decrypt(output, "the output") == "Payment of 5"


@BOTH
def test_a_run_is_read_before_anything_is_encrypted(kind: HandlerKind) -> None:
    with client_with(EncryptionMiddleware.factory(KEY, decrypt_only=True)) as client:
        assert serving(kind, client).run() == "Payment of 5"


def seen_by_the_function(event: dict[str, Any]) -> Any:
    with client_with(EncryptionMiddleware.factory(KEY, decrypt_only=True)) as client:

        @client.create_function(fn_id=FN_ID)
        def handler(ctx: inngest.ContextSync) -> object:
            return ctx.event.data

        app = App(client, [handler], framework="bare")
        return shown(app.handle_sync(request_of(Call(event=event))))[1]


def sealed(value: object) -> dict[str, object]:
    return Keyring([KEY]).encrypt(value)


def test_all_of_the_data_may_be_encrypted_but_for_what_the_engine_adds() -> None:
    data = {**sealed({"a": 1}), "_inngest": {"fn_id": "x"}}
    assert seen_by_the_function({"data": data}) == {"a": 1, "_inngest": {"fn_id": "x"}}


def test_every_encrypted_field_is_read() -> None:
    assert seen_by_the_function({"data": {"encrypted": sealed(1), "other": sealed(2)}}) == {"encrypted": 1, "other": 2}


def test_the_failed_run_is_read_from_its_event() -> None:
    event = {"name": "test/go", "data": {"encrypted": sealed("secret")}}
    failed = {"name": "inngest/function.failed", "data": {"event": event, "events": [event], "run_id": "x"}}
    plain = {"name": "test/go", "data": {"encrypted": "secret"}}
    assert seen_by_the_function(failed) == {"event": plain, "events": [plain], "run_id": "x"}


@pytest.mark.parametrize(
    "foreign", [{"__ENCRYPTED__": True, "__STRATEGY__": "mine", "data": "x"}, {"__ENCRYPTED__": True, "data": "x"}]
)
def test_what_others_have_sealed_passes_through(foreign: dict[str, Any]) -> None:
    assert seen_by_the_function({"data": {"encrypted": foreign}}) == {"encrypted": foreign}


@pytest.mark.parametrize(("option", "field"), [(None, "encrypted"), ("private", "private")])
def test_events_are_sent_with_one_field_encrypted(engine: EngineDouble, option: str | None, field: str) -> None:
    engine.reset({"POST /e/NO_EVENT_KEY_SET": [(200, {"ids": ["1"], "status": 200})] * 2})
    middleware = EncryptionMiddleware.factory(KEY, event_encryption_field=option)
    with client_with(middleware, event_api_base_url=engine.origin) as client:
        event = inngest.Event(name="a", data={"private": 1, "encrypted": 2, "open": 3})
        for _ in range(2):
            client.send_sync(event)
            (sent,) = engine.requests[-1].json()
            assert Keyring([KEY]).decrypt(sent["data"].pop(field), field) == event.data[field]
            assert sent["data"] == {key: value for key, value in event.data.items() if key != field}
