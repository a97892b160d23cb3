"""step.ai through the bundled engine, which asks a provider on a real socket."""

from __future__ import annotations

from typing import Any

import inngest
import inngest.ai
from tests.stage.bodies import Script
from tests.stage.engine_api import EngineDouble

from .conftest import kinds
from .world import TWO_BY_TWO, World

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hé"}]}


def adapter(provider: EngineDouble) -> inngest.ai.Adapter:
    return inngest.ai.openai.Adapter(auth_key="sk-1", model="m", base_url=f"{provider.origin}/v1")


@kinds(TWO_BY_TWO)
def test_the_engine_asks_and_the_function_gets_the_answer(world: World, engine: EngineDouble) -> None:
    engine.reset({"POST /v1/chat/completions": [(200, {"choices": ["hi"]})]})

    @world.function("t/asks")
    def asks(ctx: Any, step: Any) -> Script:
        answer = yield step.ai.infer("ask", adapter=adapter(engine), body={"messages": ASKED["messages"]})
        again = yield step.ai.wrap("wrap", world.did, "wrap", answer["choices"])
        return again

    with world.up():
        assert world.engine.run("t/asks").output == ["hi"]
    (request,) = engine.requests
    assert request.json() == ASKED
    assert request.headers["authorization"] == "Bearer sk-1"


@kinds(TWO_BY_TWO)
def test_models_and_tokens_are_kept_with_both_steps(world: World, engine: EngineDouble) -> None:
    answer: dict[str, object] = {"model": "m-1", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    engine.reset({"POST /v1/chat/completions": [(200, answer)]})

    def model(*, model: str) -> dict[str, object]:
        return answer

    @world.function("t/asks")
    def asks(ctx: Any, step: Any) -> Script:
        yield step.ai.infer("ask", adapter=adapter(engine), body={})
        yield step.ai.wrap("wrap", model, model="m")
        return "done"

    with world.up():
        run = world.engine.run("t/asks").id
        steps = world.engine.get(f"/api/v2/runs/{run}/trace")["rootSpan"]["children"]
    told = {step["name"]: step["metadata"][0]["values"] for step in steps if "stepId" in step}
    assert told.keys() == {"ask", "wrap"}
    for values in told.values():
        names = ("request_model", "response_model", "input_tokens", "output_tokens")
        assert [values[name] for name in names] == ["m", "m-1", "3", "4"]


@kinds(TWO_BY_TWO)
def test_an_answer_that_is_not_json_is_an_error_of_the_step(world: World, engine: EngineDouble) -> None:
    engine.reset({"POST /v1/chat/completions": [(200, b"<html>maintenance</html>")]})

    @world.function("t/asks", retries=0)
    def asks(ctx: Any, step: Any) -> Script:
        try:
            yield step.ai.infer("ask", adapter=adapter(engine), body={})
        except inngest.StepError as error:
            return [error.name, error.message, error.stack]
        return None

    with world.up():
        name, message, stack = world.engine.run("t/asks").output
    assert (name, stack) == ("AIGatewayError", "<html>maintenance</html>")
    assert "is not JSON: <html>" in message
    assert len(engine.requests) == 1
