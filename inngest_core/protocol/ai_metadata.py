"""What an answer of an AI provider says of models and tokens, as metadata of its step. See docs/protocol.md#ai.

Answers are known by their shape: those of OpenAI's two APIs (and of all that copy them), of Anthropic and of Gemini,
whose own client writes its keys in another way than its API.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

KIND = "inngest.ai"

_ASKED = ("temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed")
"""What a request may say, under the names that the metadata has for it."""
_PACKAGES = {"openai": "openai", "anthropic": "anthropic", "google": "gcp.gemini"}
"""Names of providers, by the package of their clients."""
_HOSTS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "api.x.ai": "x_ai",
    "api.deepseek.com": "deepseek",
}
"""Names of providers, by the host of their APIs."""
_USAGE = {
    "input_tokens": (("input_tokens",), ("prompt_tokens",), ("promptTokenCount",), ("prompt_token_count",)),
    "output_tokens": (
        *(("output_tokens",), ("completion_tokens",), ("candidatesTokenCount",)),
        ("candidates_token_count",),
    ),
    "total_tokens": (("total_tokens",), ("totalTokenCount",), ("total_token_count",)),
    "cache_read_tokens": (
        *(("cache_read_input_tokens",), ("prompt_tokens_details", "cached_tokens")),
        *(("input_tokens_details", "cached_tokens"), ("cachedContentTokenCount",), ("cached_content_token_count",)),
    ),
    "cache_creation_tokens": (("cache_creation_input_tokens",),),
    "reasoning_tokens": (
        *(("completion_tokens_details", "reasoning_tokens"), ("output_tokens_details", "reasoning_tokens")),
        *(("thoughtsTokenCount",), ("thoughts_token_count",)),
    ),
}
"""Where the numbers of tokens may stand in what an answer says of its usage."""


def ai_metadata(
    request: Mapping[str, object], answer: object, provider: str, latency_ms: int
) -> list[dict[str, object]]:
    """Return the metadata of a step; nothing when its answer does not say how many tokens were used.

    request: what the provider was asked, as far as it is known. answer: JSON values. provider: its name, empty if that
    is not known. latency_ms: how long it took.
    """
    if not isinstance(answer, dict):
        return []
    fields = cast("dict[str, Any]", answer)
    usage = _first(fields, "usage", "usageMetadata", "usage_metadata")
    if not isinstance(usage, dict):
        return []
    tokens = {name: _number(cast("dict[str, Any]", usage), paths) for name, paths in _USAGE.items()}
    if tokens["input_tokens"] is None and tokens["output_tokens"] is None:
        return []
    if tokens["total_tokens"] is None:
        tokens["total_tokens"] = (tokens["input_tokens"] or 0) + (tokens["output_tokens"] or 0)
    values = {
        "request_model": request.get("model"),
        "response_model": _first(fields, "model", "modelVersion", "model_version"),
        "response_id": _first(fields, "id", "responseId", "response_id"),
        "provider": provider or None,
        "operation_name": "chat",
        "latency_ms": latency_ms,
        "finish_reasons": list(_finish_reasons(fields)) or None,
        **tokens,
        **{name: request.get(name) for name in _ASKED},
    }
    known = {name: cast("object", value) for name, value in values.items() if _is_shown(value)}
    return [{"kind": KIND, "scope": "step", "op": "merge", "values": known}]


def provider_by_package(package: str) -> str:
    """Return the name of the provider whose client is in a package; empty for others."""
    return _PACKAGES.get(package.partition(".")[0], "")


def provider_by_host(host: str) -> str:
    """Return the name of the provider whose API is at a host; empty for others."""
    return _HOSTS.get(host, "")


def _is_shown(value: object) -> bool:
    """Tell whether a value is metadata: a text, a number, or a list of texts. A request may hold anything else."""
    if isinstance(value, list):
        return all(isinstance(each, str) for each in cast("list[object]", value))
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _number(usage: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> int | None:
    for path in paths:
        found: Any = usage
        for name in path:
            found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return None


def _finish_reasons(fields: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(fields.get("stop_reason"), str):
        yield fields["stop_reason"]
    choices = _first(fields, "choices", "candidates")
    for choice in cast("list[object]", choices if isinstance(choices, list) else []):
        if isinstance(choice, dict):
            reason = _first(cast("dict[str, Any]", choice), "finish_reason", "finishReason")
            if isinstance(reason, str):
                yield reason
