"""Values that JSON has no form for: refused with their path, wherever they are given."""

from __future__ import annotations

import asyncio
import dataclasses
import decimal
import math
from typing import Annotated, Any

import pydantic
import pytest

import inngest
from inngest_core.errors import OutputUnserializableError
from inngest_core.values.serializer import dump, load
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import serving


def refusal(value: object, **options: Any) -> str:
    with pytest.raises(OutputUnserializableError) as caught:
        dump(value, 'step "quote": output', **options)
    return caught.value.message


class Rate(pydantic.BaseModel):
    rate: float
    note: str | None = None
    hidden: float = pydantic.Field(default=0.0, exclude=True)


class RateAsText(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(ser_json_inf_nan="strings")
    rate: float


FINITE = "give a finite number or None"
KEYS = "give str keys"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"items": [1, 2, 3, {"price": math.nan}]}, f".items[3].price: float nan is not JSON; {FINITE}"),
        (math.inf, f": float inf is not JSON; {FINITE}"),
        ([-math.inf], f"[0]: float -inf is not JSON; {FINITE}"),
        (Rate(rate=math.nan), f".rate: float nan is not JSON; {FINITE}"),
        ({"a": [Rate(rate=1), Rate(rate=math.inf)]}, f".a[1].rate: float inf is not JSON; {FINITE}"),
        ({"a": decimal.Decimal("NaN")}, f".a: decimal NaN is not JSON; {FINITE}"),
        (decimal.Decimal("-Infinity"), f": decimal -Infinity is not JSON; {FINITE}"),
        ({(1, 2): 2}, f": key (1, 2) is a tuple, not a str; {KEYS}"),
        ({"a": [{"b": {1: 2, (): 2}}]}, f".a[0].b: key () is a tuple, not a str; {KEYS}"),
        ([{frozenset({1}): 2}], f"[0]: key frozenset({{1}}) is a frozenset, not a str; {KEYS}"),
        (["\ud800", {(1, 2): 2}], f"[1]: key (1, 2) is a tuple, not a str; {KEYS}"),
    ],
)
def test_refusals(value: object, message: str) -> None:
    assert refusal(value) == 'step "quote": output' + message


class Gauge:
    """Known to a serializer only."""

    def __init__(self, value: float) -> None:
        self.value = value


class GaugeSerializer(inngest.PydanticSerializer):
    def serialize(self, obj: object, typ: object) -> object:
        return obj.value if isinstance(obj, Gauge) else super().serialize(obj, typ)


def test_what_a_serializer_writes_that_is_not_finite() -> None:
    serializer = GaugeSerializer()
    assert dump({"NaN": [Gauge(1.5)]}, "it", serializer=serializer).body == b'{"NaN":[1.5]}'
    assert refusal({"a": [Gauge(math.nan)]}, serializer=serializer) == (
        f'step "quote": output.a[0]: float nan is not JSON; {FINITE}'
    )


def test_a_number_beside_a_type_that_says_for_itself() -> None:
    typ = list[Annotated[Any, pydantic.PlainSerializer(lambda each: each if isinstance(each, float) else each.value)]]
    assert dump([Gauge(1.5), 2.5], "it", typ=typ).body == b"[1.5,2.5]"
    assert refusal([Gauge(1.5), math.nan], typ=typ) == f'step "quote": output[1]: float nan is not JSON; {FINITE}'


def cycle() -> dict[str, object]:
    value: dict[str, object] = {}
    value["again"] = [value]
    return value


def test_a_cycle_is_refused() -> None:
    assert refusal(cycle()) == (
        'step "quote": output.again[0] is a dict that holds itself; return JSON values or give output_type='
    )


class Raw(pydantic.BaseModel):
    raw: bytes


@dataclasses.dataclass
class RawData:
    raw: bytes


class HoldsData(pydantic.BaseModel):
    data: RawData


def test_bytes_of_a_model_that_are_no_text() -> None:
    fix = 'set ser_json_bytes and val_json_bytes to "base64", as these are no text'
    reason = "invalid utf-8 sequence of 1 bytes from index 0"
    assert dump(Raw(raw=b"text"), "it").body == b'{"raw":"text"}'
    assert refusal({"a": Raw(raw=b"\xff")}) == (
        f'step "quote": output.a is a Raw that cannot be written: {reason}; {fix}'
    )
    assert refusal(HoldsData(data=RawData(b"\xff"))) == (
        f'step "quote": output is a HoldsData that cannot be written: {reason}; {fix}'
    )


class Masked(pydantic.BaseModel):
    secret: str
    note: str = ""

    @pydantic.field_serializer("secret")
    def mask(self, secret: str) -> str:
        return {"a": "*"}[secret]


class Computed(pydantic.BaseModel):
    @pydantic.computed_field
    def total(self) -> int:
        raise KeyError("boom")


def test_what_a_model_says_of_its_fields_is_never_left_out() -> None:
    assert dump(Masked(secret="a", note="\ud800"), "it").body == b'{"secret":"*","note":"\\ud800"}'
    assert refusal([Masked(secret="b")]) == (
        'step "quote": output[0] is a Masked that cannot be written: PydanticSerializationError: '
        "Error calling function `mask`: KeyError: 'b'; return JSON values or give output_type="
    )
    assert refusal([Computed()]).startswith('step "quote": output[0] is a Computed that cannot be written: ')


def test_what_a_model_leaves_out_or_writes_as_text_is_fine() -> None:
    assert dump(Rate(rate=1, hidden=math.nan), "it").body == b'{"rate":1,"note":null}'
    assert dump(RateAsText(rate=math.nan), "it").body == b'{"rate":"NaN"}'
    assert dump([RateAsText(rate=math.nan), None], "it").body == b'[{"rate":"NaN"},null]'
    assert load({"rate": "NaN"}, RateAsText).rate != 1


# Wherever it is given

PLACES: list[tuple[object, str]] = [
    ({"items": [{"price": math.nan}]}, ".items[0].price: float nan is not JSON; give a finite number or None"),
    ({"rate": math.inf}, ".rate: float inf is not JSON; give a finite number or None"),
    ({"a": {(1, 2): 2}}, ".a: key (1, 2) is a tuple, not a str; give str keys"),
    ({"a": cycle()}, ".a.again[0] is a dict that holds itself; give JSON values"),
    ({"a": [object()]}, ".a[0] is a object; give JSON values"),
]
IN_PLACES = pytest.mark.parametrize(("value", "message"), PLACES, ids=[message for _, message in PLACES])
ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])


def returned(message: str) -> str:
    """Return the message as it is for results, where an annotation may help."""
    return message.replace("give JSON values", "return JSON values or give output_type=")


@IN_PLACES
@ASKS
def test_results_of_functions(ask: Ask, value: object, message: str) -> None:
    def handler(ctx: inngest.ContextSync) -> object:
        return value

    async def handler_async(ctx: inngest.Context) -> object:
        return value

    with serving(handler if ask is ask_sync else handler_async) as app:
        status, body = InProcessEngine(app, ask, lambda _: 0).call()
    assert (status, body["code"]) == (500, "output_unserializable")
    assert body["message"] == "function app-fn: output" + returned(message)


@IN_PLACES
@ASKS
def test_results_of_steps(ask: Ask, value: object, message: str) -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.run("quote", lambda: value)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.run("quote", lambda: value)

    with serving(handler if ask is ask_sync else handler_async) as app:
        status, body = InProcessEngine(app, ask, lambda _: 0).call(max_attempts=4)
    assert (status, body[0]["op"]) == (206, "StepFailed")
    assert body[0]["error"]["message"] == 'step "quote": output' + returned(message)


@IN_PLACES
@ASKS
def test_data_of_invoked_functions(ask: Ask, value: object, message: str) -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.invoke_by_id("call", function_id="other", data=value)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.invoke_by_id("call", function_id="other", data=value)

    with serving(handler if ask is ask_sync else handler_async) as app:
        status, body = InProcessEngine(app, ask, lambda _: 0).call()
    assert (status, body["code"]) == (500, "output_unserializable")
    assert body["message"] == 'step "call": data' + message


@IN_PLACES
@ASKS
def test_events_of_steps(ask: Ask, value: Any, message: str) -> None:
    event = inngest.Event(name="shop/order", data=value)

    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.send_event("send", event)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.send_event("send", event)

    with serving(handler if ask is ask_sync else handler_async) as app:
        status, body = InProcessEngine(app, ask, lambda _: 0).call(max_attempts=4)
    assert (status, body[0]["op"]) == (206, "StepFailed")
    assert body[0]["error"]["message"] == 'event "shop/order": events[0].data' + message


@IN_PLACES
def test_events_of_clients(value: Any, message: str) -> None:
    event = inngest.Event(name="shop/order", data=value)
    with inngest.Inngest(app_id="app", is_production=False) as client:
        with pytest.raises(OutputUnserializableError) as caught:
            client.send_sync(event)
        with pytest.raises(OutputUnserializableError) as caught_async:
            asyncio.run(client.send(event))
    assert caught.value.message == caught_async.value.message == 'event "shop/order": events[0].data' + message
