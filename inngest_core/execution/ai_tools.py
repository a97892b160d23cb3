"""The step tools for AI. As in `tools.py`, pure values and flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from inngest_core.ai.adapters import Adapter
from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError
from inngest_core.protocol.ai_metadata import ai_metadata, provider_by_package
from inngest_core.protocol.limits import MAX_STEP_BYTES
from inngest_core.protocol.wire import Opcode
from inngest_core.values.json_text import parse_value
from inngest_core.values.serializer import dump

from .tools import Tool, check_step_id, read_plain, step_opts

_METHODS = ("auth_key", "format", "headers", "on_call", "url_infer")
_NOT_SHOWN = frozenset({"api_key", "auth_key", "auth_token", "default_headers", "extra_headers", "headers"})
"""Arguments of clients that may hold secrets: they are not recorded with the step."""


def infer(step_id: str, adapter: Adapter, body: Mapping[str, object]) -> Tool:
    """Have the engine ask a model; the result is the provider's answer."""
    step_id = check_step_id(step_id)
    what = f'step "{step_id}"'
    if isinstance(adapter, type) or not all(callable(getattr(adapter, name, None)) for name in _METHODS):
        raise ConfigError(
            f"{what}: adapter is {kind_of(adapter)}; give an adapter, such as "
            "inngest.ai.openai.Adapter(auth_key=..., model=...)"
        )
    if not isinstance(cast("object", body), Mapping):
        raise ConfigError(f"{what}: body is {kind_of(body)}; give the body of the request as a dict")
    completed = dict(body)
    try:
        adapter.on_call(completed)
    except ConfigError as error:
        raise ConfigError(f"{what}: {error.message}") from None
    written = dump(completed, f"{what}: body", fix="give JSON values", limit=MAX_STEP_BYTES)
    asked = _what_the_adapter_says(what, adapter)
    opts = step_opts(type="step.ai.infer", **asked, body=parse_value(written.body))
    return Tool(Opcode.AI_GATEWAY, step_id, "", read_plain, opts)


def _what_the_adapter_says(what: str, adapter: Adapter) -> dict[str, object]:
    """Return where a request goes, as JSON values; raises ConfigError when the adapter says something else."""
    texts = {"url": adapter.url_infer(), "auth_key": adapter.auth_key(), "format": adapter.format()}
    for name, given in cast("dict[str, object]", texts).items():
        if not isinstance(given, str):
            method = "url_infer" if name == "url" else name
            raise ConfigError(f"{what}: {method}() of the adapter returned {kind_of(given)}; return a text")
    headers: Any = adapter.headers()
    if not _is_dict_of_texts(headers):
        raise ConfigError(f"{what}: headers() of the adapter returned {kind_of(headers)}; return a dict of texts")
    return {**texts, "headers": headers}


def _is_dict_of_texts(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    pairs = cast("dict[object, object]", value).items()
    return all(isinstance(each, str) for pair in pairs for each in pair)


def wrap(step_id: str, callback: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]) -> Tool:
    """Call a provider's client once; the result is what it returns."""
    step_id = check_step_id(step_id)
    if not callable(callback):
        raise ConfigError(
            f'step "{step_id}" was given a {type(callback).__name__} to call; give a function: '
            "step.ai.wrap(id, client.chat.completions.create, model=...), without calling it"
        )
    shown = {name: value for name, value in kwargs.items() if name not in _NOT_SHOWN}
    hidden = {name: value for name, value in kwargs.items() if name in _NOT_SHOWN}
    given = [*args, shown] if shown else [*args]

    def call(*given: Any) -> object:
        if not shown:
            return callback(*given, **hidden)
        *positional, named = given  # which may have been edited
        return callback(*positional, **named, **hidden)

    def describe(answer: bytes, given: Sequence[object], latency_ms: int) -> list[dict[str, object]]:
        objects = [cast("Mapping[str, object]", each) for each in given if isinstance(each, Mapping)]
        package = str(getattr(callback, "__module__", "") or "")
        asked: Mapping[str, object] = objects[-1] if objects else {}
        return ai_metadata(asked, parse_value(answer), provider_by_package(package), latency_ms)

    opts = step_opts(type="step.ai.wrap")
    return Tool(Opcode.STEP_RUN, step_id, step_id, read_plain, opts, call, given, returns=callback, describe=describe)
