"""step.ai.infer and step.ai.wrap: what the engine is asked, and what is recorded (docs/protocol.md, AI)."""

from __future__ import annotations

from typing import Any, cast

import inngest
import inngest.ai
import inngest.experimental.ai

from .case import STACK, Call, Case, Expected, Saying, both, error, op, raised, ran, returned

PROMPT: list[dict[str, object]] = [{"role": "user", "content": "hello"}]
GPT = inngest.ai.openai.Adapter(auth_key="sk-1", model="gpt-4o")
CLAUDE = inngest.experimental.ai.anthropic.Adapter(auth_key="sk-2", model="claude-9")
ANSWER: dict[str, object] = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2027",
    "choices": [{"finish_reason": "stop", "message": {"content": "hi"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}

# infer


def infers(ctx: inngest.ContextSync) -> object:
    return ctx.step.ai.infer("ask", adapter=GPT, body={"messages": PROMPT})["choices"]


async def infers_async(ctx: inngest.Context) -> object:
    return (await ctx.step.ai.infer("ask", adapter=GPT, body={"messages": PROMPT}))["choices"]


OPTS = {
    "type": "step.ai.infer",
    "url": "https://api.openai.com/v1/chat/completions",
    "headers": dict[str, str](),
    "auth_key": "sk-1",
    "format": "openai-chat",
    "body": {"messages": PROMPT, "model": "gpt-4o"},
}
INFER = {key: value for key, value in op("AIGateway", "ask", opts=OPTS).items() if key != "name"}
infer = Case(build=both(infers, infers_async), expect=Expected(body=[INFER]))
infer_plan_only = Case(build=both(infers, infers_async), call=Call(plan_only=True), expect=Expected(body=[INFER]))
inferred = Case(
    build=both(infers, infers_async), call=Call(steps={"ask": {"data": ANSWER}}), expect=returned(ANSWER["choices"])
)


def catches(ctx: inngest.ContextSync) -> object:
    try:
        return ctx.step.ai.infer("ask", adapter=GPT, body={})
    except inngest.StepError as failed:
        return [failed.name, failed.message]


async def catches_async(ctx: inngest.Context) -> object:
    try:
        return await ctx.step.ai.infer("ask", adapter=GPT, body={})
    except inngest.StepError as failed:
        return [failed.name, failed.message]


failed_inference = Case(
    build=both(catches, catches_async),
    call=Call(steps={"ask": {"error": {"name": "AIGatewayError", "message": "no: 429", "data": {"a": 1}}}}),
    expect=returned(["AIGatewayError", "no: 429"]),
)


def without_tokens(ctx: inngest.ContextSync) -> object:
    return ctx.step.ai.infer("ask", adapter=CLAUDE, body={"messages": PROMPT})


async def without_tokens_async(ctx: inngest.Context) -> object:
    return await ctx.step.ai.infer("ask", adapter=CLAUDE, body={"messages": PROMPT})


incomplete = Case(
    build=both(without_tokens, without_tokens_async),
    expect=raised(
        error("ConfigError", Saying('step "ask": body has no max_tokens'), code="config_invalid"), no_retry=True
    ),
)


def no_adapter(ctx: inngest.ContextSync) -> object:
    given: Any = "gpt-4o"
    return ctx.step.ai.infer("ask", adapter=given, body={})


async def no_adapter_async(ctx: inngest.Context) -> object:
    given: Any = "gpt-4o"
    return await ctx.step.ai.infer("ask", adapter=given, body={})


not_an_adapter = Case(
    build=both(no_adapter, no_adapter_async),
    expect=raised(
        error("ConfigError", Saying('step "ask": adapter is', "inngest.ai.openai"), code="config_invalid"),
        no_retry=True,
    ),
)


def adapter_class(ctx: inngest.ContextSync) -> object:
    given: Any = inngest.ai.openai.Adapter
    return ctx.step.ai.infer("ask", adapter=given, body={})


async def adapter_class_async(ctx: inngest.Context) -> object:
    given: Any = inngest.ai.openai.Adapter
    return await ctx.step.ai.infer("ask", adapter=given, body={})


adapter_that_was_not_made = Case(
    build=both(adapter_class, adapter_class_async),
    expect=raised(
        error("ConfigError", Saying('step "ask": adapter is', "inngest.ai.openai"), code="config_invalid"),
        no_retry=True,
    ),
)


def called_too_early(ctx: inngest.ContextSync) -> object:
    given: Any = {"an": "answer"}
    return ctx.step.ai.wrap("ask", given)


async def called_too_early_async(ctx: inngest.Context) -> object:
    given: Any = {"an": "answer"}
    return await ctx.step.ai.wrap("ask", given)


wrap_of_an_answer = Case(
    build=both(called_too_early, called_too_early_async),
    expect=raised(
        error("ConfigError", Saying("given a dict to call", "without calling it"), code="config_invalid"), no_retry=True
    ),
)

# wrap


def create(
    *, model: str, messages: list[dict[str, object]], api_key: str = "", temperature: float = 1
) -> dict[str, object]:
    assert api_key == "secret"
    return {**ANSWER, "asked": [model, messages, temperature]}


async def create_async(
    *, model: str, messages: list[dict[str, object]], api_key: str = "", temperature: float = 1
) -> dict[str, object]:
    return create(model=model, messages=messages, api_key=api_key, temperature=temperature)


def wraps(ctx: inngest.ContextSync) -> object:
    return ctx.step.ai.wrap("ask", create, model="gpt-4o", messages=PROMPT, api_key="secret", temperature=0.5)


async def wraps_async(ctx: inngest.Context) -> object:
    return await ctx.step.ai.wrap(
        "ask", create_async, model="gpt-4o", messages=PROMPT, api_key="secret", temperature=0.5
    )


INPUT = [{"model": "gpt-4o", "messages": PROMPT, "temperature": 0.5}]
METADATA: dict[str, object] = {
    "kind": "inngest.ai",
    "scope": "step",
    "op": "merge",
    "values": {
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2027",
        "response_id": "chatcmpl-1",
        "operation_name": "chat",
        "finish_reasons": ["stop"],
        "input_tokens": 3,
        "output_tokens": 2,
        "total_tokens": 5,
        "temperature": 0.5,
    },
}
WRAP_OPTS = {"type": "step.ai.wrap", "input": INPUT}
wrap = Case(
    build=both(wraps, wraps_async),
    expect=ran("ask", {**ANSWER, "asked": ["gpt-4o", PROMPT, 0.5]}, opts=WRAP_OPTS, metadata=[METADATA]),
)
NOTHING: list[object] = []
EDITED_METADATA = {
    **METADATA,
    "values": {**cast("dict[str, object]", METADATA["values"]), "request_model": "gpt-5", "temperature": 0},
}
edited: list[dict[str, object]] = [{"model": "gpt-5", "messages": [], "temperature": 0}]
wrap_with_edited_input = Case(
    build=both(wraps, wraps_async),
    call=Call(steps={"ask": {"input": edited}}, stack=[]),
    expect=ran(
        "ask",
        {**ANSWER, "asked": ["gpt-5", NOTHING, 0]},
        opts={"type": "step.ai.wrap", "input": edited},
        metadata=[EDITED_METADATA],
    ),
)
wrapped = Case(build=both(wraps, wraps_async), call=Call(steps={"ask": {"data": 7}}), expect=returned(7))


def plain(text: str) -> str:
    return text.upper()


def wraps_plain(ctx: inngest.ContextSync) -> object:
    return ctx.step.ai.wrap("ask", plain, "hi")


async def wraps_plain_async(ctx: inngest.Context) -> object:
    return await ctx.step.ai.wrap("ask", plain, "hi")


wrap_without_usage = Case(
    build=both(wraps_plain, wraps_plain_async),
    expect=ran("ask", "HI", opts={"type": "step.ai.wrap", "input": ["hi"]}),
)


def fails(_: object) -> None:
    raise ValueError("not JSON: <html>")


def wraps_failing(ctx: inngest.ContextSync) -> object:
    return ctx.step.ai.wrap("ask", fails, object())


async def wraps_failing_async(ctx: inngest.Context) -> object:
    return await ctx.step.ai.wrap("ask", fails, object())


wrap_that_fails = Case(
    build=both(wraps_failing, wraps_failing_async),
    expect=Expected(
        body=[
            op(
                "StepError",
                "ask",
                opts={"type": "step.ai.wrap"},
                error={"name": "ValueError", "message": "not JSON: <html>", "stack": STACK, "code": "unknown"},
            )
        ]
    ),
)
