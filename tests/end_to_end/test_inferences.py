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
