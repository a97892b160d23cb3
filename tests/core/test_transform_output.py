"""What a hook makes of outputs that have a type: it goes out as it is, and the type is for what was there before."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

import inngest
from inngest_core.protocol.limits import MAX_STEP_BYTES
from tests.cases.case import Build, Call, HandlerKind, both, read_answer

from .test_hook_errors import BOTH, answer, ask

NOON = datetime.datetime(2027, 1, 2, 12, tzinfo=datetime.UTC)


class Paid(pydantic.BaseModel):
    amount: int
    at: datetime.datetime


PAID = Paid(amount=5, at=NOON)
UNFIT = {"amount": "?"}


class Encrypting(inngest.MiddlewareSync):
    """Keeps what steps and functions give from the engine; base64 stands for a cipher."""

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        if result.has_output():
            plain = pydantic.TypeAdapter(Any).dump_json(result.output)
            result.output = {"secret": base64.b64encode(plain).decode()}

    def transform_input(self, ctx: Any, function: object, steps: inngest.StepMemos) -> None:
        for memo in steps.values():
            if memo.error is None:
                memo.data = decrypted(memo.data)


def decrypted(data: Any) -> Any:
    return json.loads(base64.b64decode(data["secret"]))


def pays(give: Callable[[], object], output_type: Any = Paid) -> Build:
    """Build a function whose one step has an output type, and which says what it got."""

    def sync(ctx: inngest.ContextSync) -> object:
        return told(ctx.step.run("pay", give, output_type=output_type))

    async def asynchronous(ctx: inngest.Context) -> object:
        return told(await ctx.step.run("pay", give, output_type=output_type))

    return both(sync, asynchronous)


def told(paid: Any) -> str:
    assert isinstance(paid, Paid)
    return f"{paid.amount} at {paid.at:%H:%M}"


def gives(value: object) -> Build:
    """Build a function that has an output type, and returns *value*."""

    def sync(ctx: inngest.ContextSync) -> object:
        return value

    async def asynchronous(ctx: inngest.Context) -> object:
        return value

    return both(sync, asynchronous, output_type=Paid)


@BOTH
def test_the_output_of_a_typed_step_may_be_encrypted_and_comes_back_as_its_type(kind: HandlerKind) -> None:
    build = pays(lambda: PAID)
    ran = read_answer(ask(build, kind, Encrypting).content)[0]
    assert ran["op"] == "StepRun"
    assert decrypted(ran["data"]) == {"amount": 5, "at": "2027-01-02T12:00:00Z"}

    memo = {"pay": {"data": ran["data"]}}
    ended = read_answer(ask(build, kind, Encrypting, call=Call(steps=memo)).content)
    assert decrypted(ended) == "5 at 12:00"


@BOTH
def test_the_output_of_a_typed_function_may_be_encrypted(kind: HandlerKind) -> None:
    response = ask(gives(PAID), kind, Encrypting)
    assert response.status == 200
    assert decrypted(read_answer(response.content)) == {"amount": 5, "at": "2027-01-02T12:00:00Z"}


@BOTH
@pytest.mark.parametrize("middleware", [(), (inngest.MiddlewareSync,), (Encrypting,)], ids=["none", "idle", "changes"])
def test_what_does_not_fit_its_type_fails_before_a_hook_hides_it(middleware: Any, kind: HandlerKind) -> None:
    op = read_answer(ask(pays(lambda: UNFIT), kind, *middleware).content)[0]
    assert (op["op"], op["error"]["name"]) == ("StepFailed", "OutputUnserializableError")
    response = ask(gives(UNFIT), kind, *middleware)
    assert (response.status, response.headers["x-inngest-no-retry"]) == (500, "true")
    assert read_answer(response.content)["name"] == "OutputUnserializableError"


@BOTH
def test_a_hook_may_mend_what_does_not_fit_its_type(kind: HandlerKind) -> None:
    class Mending(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            if result.error is not None:
                result.error, result.output = None, {"was": result.output}

    op = read_answer(ask(pays(lambda: UNFIT), kind, Mending).content)[0]
    assert (op["op"], op["data"]) == ("StepRun", {"was": UNFIT})
    assert answer(ask(gives(UNFIT), kind, Mending)) == (200, {"was": UNFIT})


@BOTH
def test_a_hook_may_take_away_what_is_too_large_for_an_engine(kind: HandlerKind) -> None:
    class Storing(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            if isinstance(result.output, str):
                result.output = {"stored": len(result.output)}

    op = read_answer(ask(pays(lambda: "x" * (MAX_STEP_BYTES + 1), str), kind, Storing).content)[0]
    assert (op["op"], op["data"]) == ("StepRun", {"stored": MAX_STEP_BYTES + 1})


@BOTH
def test_an_output_that_hooks_leave_alone_is_written_as_its_type(kind: HandlerKind) -> None:
    class Looking(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            seen.append(result.output)

    seen: list[object] = []
    op = read_answer(ask(pays(lambda: PAID), kind, Looking).content)[0]
    assert op["data"] == {"amount": 5, "at": "2027-01-02T12:00:00Z"}
    assert answer(ask(gives(PAID), kind, Looking)) == (200, op["data"])
    assert seen == [PAID, PAID]


@BOTH
def test_a_memo_that_is_asked_for_again_goes_out_as_it_came(kind: HandlerKind) -> None:
    memo = {"pay": {"data": {"secret": base64.b64encode(PAID.model_dump_json().encode()).decode()}}}
    op = read_answer(ask(pays(lambda: PAID), kind, Encrypting, call=Call(target="pay", steps=memo)).content)[0]
    assert (op["op"], op["data"]) == ("StepRun", memo["pay"]["data"])
