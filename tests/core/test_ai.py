"""Adapters of AI providers, and what their answers say of models and tokens."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import inngest
import inngest.ai
from inngest_core.errors import ConfigError
from inngest_core.protocol.ai_metadata import ai_metadata, provider_by_host, provider_by_package

PROVIDERS = {
    "openai": ("https://api.openai.com/v1/chat/completions", "openai-chat"),
    "anthropic": ("https://api.anthropic.com/v1/messages", "anthropic"),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/models/m-1:generateContent", "gemini"),
    "grok": ("https://api.x.ai/v1/chat/completions", "openai-chat"),
    "deepseek": ("https://api.deepseek.com/v1/chat/completions", "openai-chat"),
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_under_both_names(provider: str) -> None:
    kinds = [importlib.import_module(f"{where}.{provider}") for where in ("inngest.ai", "inngest.experimental.ai")]
    assert kinds[0].Adapter is kinds[1].Adapter
    adapter: inngest.ai.Adapter = kinds[0].Adapter(auth_key="sk-1", model="m-1")
    assert (adapter.url_infer(), adapter.format()) == PROVIDERS[provider]
    assert adapter.auth_key() == "sk-1"
    assert "sk-1" not in repr(adapter) + adapter.url_infer()
    body: dict[str, object] = {"max_tokens": 5}
    adapter.on_call(body)
    assert body == {"max_tokens": 5} if provider == "gemini" else {"max_tokens": 5, "model": "m-1"}
    other: inngest.ai.Adapter = kinds[0].Adapter(auth_key="sk-1", model="m-1", base_url="http://localhost:1/v9/")
    assert other.url_infer().startswith("http://localhost:1/v9/")
    assert "//" not in other.url_infer().removeprefix("http://")


def test_a_model_in_the_body_counts() -> None:
    body: dict[str, object] = {"model": "other"}
    inngest.ai.openai.Adapter(auth_key="k", model="m").on_call(body)
    assert body == {"model": "other"}


def test_options_of_single_providers() -> None:
    responses = inngest.ai.openai.Adapter(auth_key="k", model="m", endpoint="responses")
    assert (responses.url_infer(), responses.format()) == ("https://api.openai.com/v1/responses", "openai-responses")
    anthropic = inngest.ai.anthropic.Adapter(auth_key="k", model="m", betas=["a", "b"])
    assert anthropic.headers() == {"anthropic-version": "2023-06-01", "anthropic-beta": "a,b"}


@pytest.mark.parametrize(
    ("given", "said"), [({"auth_key": ""}, "auth_key is empty"), ({"model": None}, "model is None")]
)
def test_what_cannot_be_used_is_named_but_not_shown(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        inngest.ai.grok.Adapter(**{"auth_key": "k", "model": "m", **given})
    with pytest.raises(ConfigError, match=r'give "chat/completions" or "responses"'):
        inngest.ai.openai.Adapter(auth_key="k", model="m", endpoint="other")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


ANSWERS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "openai-responses": (
        {
            "id": "r",
            "model": "m",
            "usage": {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}},
        },
        {
            "response_id": "r",
            "response_model": "m",
            "input_tokens": 1,
            "output_tokens": 2,
            "total_tokens": 3,
            "reasoning_tokens": 1,
        },
    ),
    "anthropic": (
        {
            "id": "a",
            "model": "m",
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 4},
        },
        {
            "response_id": "a",
            "response_model": "m",
            "finish_reasons": ["end_turn"],
            "input_tokens": 1,
            "output_tokens": 2,
            "total_tokens": 3,
            "cache_read_tokens": 4,
        },
    ),
    "gemini": (
        {
            "modelVersion": "g",
            "candidates": [{"finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 9},
        },
        {"response_model": "g", "finish_reasons": ["STOP"], "input_tokens": 1, "output_tokens": 2, "total_tokens": 9},
    ),
    "gemini's own client": (
        {"model_version": "g", "usage_metadata": {"prompt_token_count": 1, "thoughts_token_count": 3}},
        {"response_model": "g", "input_tokens": 1, "total_tokens": 1, "reasoning_tokens": 3},
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_known_by_their_shape(name: str) -> None:
    answer, values = ANSWERS[name]
    (metadata,) = ai_metadata({}, answer, "", 7)
    assert (metadata["kind"], metadata["op"], metadata["scope"]) == ("inngest.ai", "merge", "step")
    assert metadata["values"] == {"operation_name": "chat", "latency_ms": 7, **values}


def test_the_provider_is_that_of_the_client_or_of_the_api() -> None:
    assert (provider_by_package("openai.resources.chat"), provider_by_package("somewhere")) == ("openai", "")
    assert (provider_by_host("api.x.ai"), provider_by_host("openai.example")) == ("x_ai", "")
    (metadata,) = ai_metadata({"model": "m"}, ANSWERS["anthropic"][0], "anthropic", 7)
    values: Any = metadata["values"]
    assert (values["provider"], values["request_model"]) == ("anthropic", "m")


@pytest.mark.parametrize(
    "answer", [None, 7, "text", [], {}, {"usage": None}, {"usage": 3}, {"usage": {"input_tokens": "many"}}]
)
def test_other_answers_say_nothing(answer: object) -> None:
    assert ai_metadata({}, answer, "openai", 7) == []


def test_what_is_no_metadata_is_left_out() -> None:
    asked: dict[str, object] = {"model": ["m", object()], "temperature": float("nan"), "max_tokens": 5}
    (metadata,) = ai_metadata(asked, {"usage": {"input_tokens": 1}, "id": {"a": 1}}, "", 7)
    told = {"operation_name": "chat", "latency_ms": 7, "input_tokens": 1, "total_tokens": 1, "max_tokens": 5}
    assert metadata["values"] == told
