"""The kit with middleware that changes outputs on their way: tests see values, as functions do, not what is stored."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

import inngest
from inngest import testing
from inngest.middleware.encryption import EncryptionMiddleware
from inngest.middleware.remote_state import MemoryStore, RemoteStateMiddleware
from tests.cases.case import HandlerKind

ENCRYPTION = EncryptionMiddleware.factory("key")
REMOTE = RemoteStateMiddleware.factory(MemoryStore(), min_bytes=0)
STACKS = pytest.mark.parametrize(
    "middleware", [[ENCRYPTION], [REMOTE], [REMOTE, ENCRYPTION], [ENCRYPTION, REMOTE]], ids=["e", "r", "re", "er"]
)
KINDS = pytest.mark.parametrize("kind", HandlerKind)
EITHER = pytest.mark.parametrize("checkpointing", [False, True])


class Payment(pydantic.BaseModel):
    amount: int


def pay(amount: int) -> Payment:
    return Payment(amount=amount)


def paying(kind: HandlerKind, middleware: list[Any], *, checkpointing: bool = True) -> inngest.Function[Payment]:
    client = inngest.Inngest(app_id="bank", middleware=middleware, checkpointing=checkpointing)

    @client.create_function(fn_id="pay", trigger=inngest.TriggerEvent(event="bank/asked"))
    def sync(ctx: inngest.ContextSync) -> Payment:
        first, second = ctx.group.parallel(
            (lambda: ctx.step.run("pay", pay, 3), lambda: ctx.step.run("tip", pay, ctx.event.data["encrypted"]))
        )
        return Payment(amount=first.amount + second.amount)

    @client.create_function(fn_id="pay-async", trigger=inngest.TriggerEvent(event="bank/asked"))
    async def asynchronous(ctx: inngest.Context) -> Payment:
        first, second = await ctx.group.parallel(
            (lambda: ctx.step.run("pay", pay, 3), lambda: ctx.step.run("tip", pay, ctx.event.data["encrypted"]))
        )
        return Payment(amount=first.amount + second.amount)

    return sync if kind is HandlerKind.SYNC else asynchronous


@STACKS
@KINDS
@EITHER
def test_outputs_are_what_function_and_steps_gave(
    middleware: list[Any], kind: HandlerKind, checkpointing: bool
) -> None:
    run = testing.run(paying(kind, middleware, checkpointing=checkpointing), {"encrypted": 4})
    assert run.output == Payment(amount=7)
    assert (run.steps["pay"].output, run.steps["tip"].output) == (Payment(amount=3), Payment(amount=4))
    assert '  output  {"amount": 7}' in repr(run)


@STACKS
@KINDS
def test_stubs_are_values(middleware: list[Any], kind: HandlerKind) -> None:
    run = testing.run(paying(kind, middleware), {"encrypted": 4}, steps={"pay": Payment(amount=50)})
    assert (run.output, run.steps["pay"].output) == (Payment(amount=54), Payment(amount=50))


@STACKS
def test_an_output_that_is_no_json_fails_its_step(middleware: list[Any]) -> None:
    client = inngest.Inngest(app_id="bank", middleware=middleware)

    @client.create_function(fn_id="odd")
    def odd(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.run("odd", object)
        except inngest.StepError as error:
            return error.name
        return "no error"

    assert testing.run(odd).output == "OutputUnserializableError"


class Adding(inngest.MiddlewareSync):
    """Changes outputs, and nothing back."""

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        result.output = {"amount": 100}


def test_what_a_hook_changes_for_good_is_what_a_test_sees() -> None:
    run = testing.run(paying(HandlerKind.SYNC, [Adding]), {"encrypted": 4})
    assert (run.output, run.steps["pay"].output) == (Payment(amount=100), Payment(amount=100))


class SealingOnce(inngest.MiddlewareSync):
    """Seals the first output, and leaves the next ones. fails: cannot answer with the one that it has sealed."""

    fails: str

    def transform_input(self, ctx: object, function: object, steps: inngest.StepMemos) -> None:
        """Would open what is sealed."""

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        if result.output == 1:
            result.output = {"sealed": result.output}
            if self.fails == "output":
                result.error = OSError("no disk")
            elif self.fails == "hook":
                self.fails = "response"

    def before_response(self) -> None:
        if self.fails == "response":
            raise OSError("no disk")


@pytest.mark.parametrize("fails", ["output", "hook"])
def test_an_output_is_that_of_the_attempt_that_made_it(fails: str) -> None:
    tries: list[int] = []
    sealing = type("Sealing", (SealingOnce,), {"fails": fails})
    client = inngest.Inngest(app_id="bank", middleware=[sealing])

    @client.create_function(fn_id="count", retries=1)
    def count(ctx: inngest.ContextSync) -> int:
        tries.append(ctx.attempt)
        return len(tries)

    assert testing.run(count).output == 2
