"""What agents of pydantic-ai raise in functions: what is tried again, and when, and what the function gets."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_ai import Agent, UsageLimits
from pydantic_ai.capabilities import ModelFallback
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelUnavailableError,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

import inngest
from inngest import testing
from inngest.middleware.pydantic_ai import InngestDurability
from tests.cases.case import Call, Later
from tests.stage.asks import ask_async
from tests.stage.logs import silent_logger
from tests.stage.one_function import request_of, serving, shown

CHECKPOINTING = pytest.mark.parametrize("checkpointing", [True, False])


class Broken:
    """A model whose provider answers with an error, each time; counts how often it was asked."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error
        self.asked = 0

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.asked += 1
        raise self._error()


def http_error(status: int, category: Any = None, **fields: Any) -> Callable[[], Exception]:
    return lambda: ModelHTTPError.for_category(category, status_code=status, model_name="m", **fields)


def bot(model: Any, *capabilities: Any, **options: Any) -> Agent[None, str]:
    return Agent(model, name="bot", capabilities=[*capabilities, InngestDurability(**options)])


def run(handler: Any, *, retries: Any = 2, checkpointing: bool = True) -> testing.Result[Any]:
    client = inngest.Inngest(app_id="agents", is_production=False, logger=silent_logger(), checkpointing=checkpointing)
    return testing.run(client.create_function(fn_id="go", retries=retries)(handler))


def asking(agent: Agent[None, str], **options: Any) -> Any:
    async def handler(ctx: inngest.Context) -> str:
        result = await agent.run("hello", **options)
        return str(result.output)

    return handler


def first_answer(model: Any, **call: Any) -> tuple[dict[str, str], Any]:
    """Return the headers and the error with which the first request to the model is answered."""
    with serving(asking(bot(model)), checkpointing=False) as app:
        response = ask_async(app, request_of(Call(**call)))
    (op,) = shown(response)[1]
    return dict(response.headers), op


# What models raise


@CHECKPOINTING
@pytest.mark.parametrize(
    ("raised", "kinds"),
    [
        (http_error(500, ModelServerError, body={"why": 1}), (ModelHTTPError, ModelServerError)),
        (http_error(529, ModelOverloadedError), (ModelHTTPError, ModelOverloadedError, ModelUnavailableError)),
        (http_error(418), (ModelHTTPError,)),
        (lambda: ModelConnectionError("m", "no route", phase="connect"), (ModelConnectionError,)),
        (lambda: ModelAPIError("m", "odd"), (ModelAPIError,)),
    ],
    ids=["server", "overloaded", "http", "connection", "other"],
)
def test_a_failed_request_is_what_the_model_raised(
    raised: Callable[[], Exception], kinds: tuple[type[Exception], ...], checkpointing: bool
) -> None:
    agent = bot(FunctionModel(Broken(raised)))
    caught: list[ModelAPIError] = []

    async def handler(ctx: inngest.Context) -> str:
        try:
            await agent.run("hello")
        except ModelAPIError as error:
            caught.append(error)
        return await ctx.step.run("next", lambda: "went on")

    assert run(handler, checkpointing=checkpointing).output == "went on"
    original = raised()
    for error in caught:
        assert isinstance(error, inngest.StepError)
        assert (error.step_id, error.name) == ("bot__model.request", type(original).__name__)
        assert all(isinstance(error, kind) for kind in (*kinds, ModelAPIError))
        assert str(error) == str(original)
        for field in ("status_code", "model_name", "body", "retry_after", "phase"):
            assert getattr(error, field, None) == getattr(original, field, None)
    assert caught


@CHECKPOINTING
def test_another_model_takes_over_once_the_first_has_failed_for_good(checkpointing: bool) -> None:
    broken = Broken(http_error(500, ModelServerError))
    other = TestModel(custom_output_text="from the other one")
    agent = bot(FunctionModel(broken), ModelFallback("other"), models={"other": other})
    assert run(asking(agent), checkpointing=checkpointing).output == "from the other one"
    assert broken.asked == 3


@pytest.mark.parametrize(
    ("raised", "attempts"),
    [
        (http_error(500, ModelServerError), 3),
        (http_error(429, ModelRateLimitError), 3),
        (http_error(400, ModelRequestRejectedError), 1),
        (http_error(401, ModelAuthenticationError), 1),
        (http_error(402, ModelQuotaExceededError), 1),
        (lambda: ModelRequestTimeout("m", timeout=1, setting="request_timeout"), 1),
    ],
    ids=["server", "rate", "rejected", "key", "quota", "timeout"],
)
def test_a_request_is_tried_again_unless_that_cannot_help(raised: Callable[[], Exception], attempts: int) -> None:
    broken = Broken(raised)
    failed = run(asking(bot(FunctionModel(broken))))
    assert (failed.status, broken.asked) == (testing.Status.FAILED, attempts)
    assert failed.steps["bot__model.request"].attempts == attempts


@pytest.mark.parametrize(
    ("fields", "later"),
    [
        ({"headers": {"Retry-After": "90"}}, Later(90)),
        ({"retry_after": 1.5}, Later(1.5)),
        ({"retry_after": 1e9}, Later(86_400)),
        ({"retry_after": 0.0}, None),
        ({}, None),
    ],
)
def test_the_provider_says_when_to_try_again(fields: dict[str, Any], later: Later | None) -> None:
    headers, op = first_answer(FunctionModel(Broken(http_error(429, ModelRateLimitError, **fields))), max_attempts=3)
    assert (op["op"], headers.get("retry-after")) == ("StepError", later)


REJECTED = http_error(401, ModelAuthenticationError)


@pytest.mark.parametrize(
    ("second", "times"), [(REJECTED, 1), (http_error(503, ModelOverloadedError), 3)], ids=["rejected", "overloaded"]
)
def test_several_models_in_one_request_are_asked_again_if_one_of_them_may_answer(second: Any, times: int) -> None:
    models = [Broken(REJECTED), Broken(second)]
    result = run(asking(bot(FallbackModel(*map(FunctionModel, models)))))
    assert isinstance(result.error, inngest.StepError)
    assert result.error.name == "FallbackExceptionGroup"
    assert [model.asked for model in models] == [times, times]


def test_the_headers_of_the_answer_and_long_bodies_stay_in_the_app() -> None:
    error = http_error(500, ModelServerError, headers={"set-cookie": "secret"}, body="x" * 100_000)
    _, op = first_answer(FunctionModel(Broken(error)))
    assert "secret" not in str(op)
    assert len(str(op["error"]["data"])) < 1000 + len(op["error"]["message"])
    assert op["error"]["data"]["pydantic_ai_model_error"]["fields"]["body"] is None


def test_nothing_is_kept_of_what_classes_of_the_user_add() -> None:
    class OurError(ModelHTTPError):
        def __init__(self) -> None:
            super().__init__(500, "m", {"why": 1})
            self.api_key = "secret"

    _, op = first_answer(FunctionModel(Broken(OurError)))
    assert "secret" not in str(op)
    assert op["error"]["data"]["pydantic_ai_model_error"]["fields"]["body"] == {"why": 1}


def endless() -> list[Any]:
    body: list[Any] = []
    body.append(body)
    return body


@pytest.mark.parametrize(
    ("body", "kept"),
    [(b"\xff", "_w=="), (float("nan"), None), (endless(), None)],
    ids=["bytes", "no number", "endless"],
)
def test_a_body_that_is_no_json_does_not_hide_the_error(body: Any, kept: Any) -> None:
    _, op = first_answer(FunctionModel(Broken(http_error(500, ModelServerError, body=body))))
    assert op["error"]["name"] == "ModelServerError"
    assert op["error"]["data"]["pydantic_ai_model_error"]["fields"]["body"] == kept


def test_what_a_model_raised_can_be_copied_and_pickled() -> None:
    caught: list[Any] = []

    async def handler(ctx: inngest.Context) -> None:
        try:
            await bot(FunctionModel(Broken(http_error(500, ModelServerError, body={"why": 1})))).run("hello")
        except ModelAPIError as error:
            caught.append(error)

    run(handler)
    for same in (copy.copy(caught[-1]), pickle.loads(pickle.dumps(caught[-1]))):  # noqa: S301
        assert isinstance(same, ModelServerError)
        assert isinstance(same, inngest.StepError)
        assert (same.step_id, same.body, str(same)) == ("bot__model.request", {"why": 1}, str(caught[-1]))


def test_what_else_a_step_raises_stays_a_step_error() -> None:
    agent = bot(TestModel())
    caught: list[inngest.StepError] = []

    @agent.tool_plain
    def look() -> str:
        raise ConnectionError("no route")

    async def handler(ctx: inngest.Context) -> None:
        try:
            await agent.run("hello")
        except inngest.StepError as error:
            caught.append(error)

    run(handler)
    assert [type(error) for error in caught] == [inngest.StepError]


# What another attempt cannot mend


def test_what_the_run_itself_raises_is_not_tried_again() -> None:
    agent = bot(TestModel())
    attempts: list[int] = []

    @agent.tool_plain
    def look() -> str:
        return "x"

    async def handler(ctx: inngest.Context) -> str:
        attempts.append(ctx.attempt)
        try:
            return (await agent.run("hello", usage_limits=UsageLimits(request_limit=1))).output
        except UsageLimitExceeded:
            attempts.append(100)
            raise

    failed = run(handler)
    assert isinstance(failed.error, UsageLimitExceeded)
    assert set(attempts) == {0, 100}
    assert attempts.count(100) == 1


def test_a_model_that_is_asked_without_a_step_is_asked_again() -> None:
    broken = Broken(http_error(503, ModelServerError))
    plain, agent = Agent(FunctionModel(broken), name="plain"), bot(TestModel())

    @agent.tool_plain(metadata={"inngest": False})
    async def look() -> str:
        return (await plain.run("hello")).output

    failed = run(asking(agent))
    assert isinstance(failed.error, ModelServerError)
    assert broken.asked == 3


def test_a_model_that_is_not_known_is_not_tried_again() -> None:
    attempts: list[int] = []

    async def handler(ctx: inngest.Context) -> str:
        attempts.append(ctx.attempt)
        result = await bot(TestModel()).run("hello", model=TestModel())
        return str(result.output)

    failed = run(handler)
    assert isinstance(failed.error, UserError)
    assert attempts == [0]


def test_a_result_that_json_cannot_express_is_not_tried_again() -> None:
    agent = bot(TestModel())
    calls: list[int] = []

    @agent.tool_plain
    def look() -> object:
        calls.append(1)
        return object()

    failed = run(asking(agent))
    assert len(calls) == 1
    assert isinstance(failed.error, inngest.NonRetriableError)
    assert "the result cannot be written as JSON" in str(failed.error)
    assert "<class 'object'>" in str(failed.error)
