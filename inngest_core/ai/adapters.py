"""Adapters: where a request to an AI provider goes, with which key, and in which format. See docs/protocol.md#ai.

An adapter makes no request: `step.ai.infer` hands what it says to the engine, which does.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import Literal, Protocol, cast

from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError
from inngest_core.values.json_text import is_unicode


class Adapter(Protocol):
    """What `step.ai.infer` needs to know of a provider. Any object with these methods is one."""

    def auth_key(self) -> str:
        """Return the key of the provider's API."""
        ...

    def format(self) -> str:
        """Return the format by which the engine authenticates, and reads the answer for display."""
        ...

    def headers(self) -> dict[str, str]:
        """Return headers to add to the request."""
        ...

    def on_call(self, body: dict[str, object]) -> None:
        """Complete the body of a request in place; raise ConfigError when it lacks something."""
        ...

    def url_infer(self) -> str:
        """Return the URL that the body is posted to."""
        ...


class ProviderAdapter:
    """What the adapters of all providers share."""

    DEFAULT_URL = ""
    FORMAT = "openai-chat"

    def __init__(self, *, auth_key: str, model: str, base_url: str | None = None) -> None:
        """Keep where requests go; nothing is contacted.

        auth_key: the key of the provider's API.
        model: the name of the model.
        base_url: where the API is, up to and including its version; that of the provider by default.
        Raises ConfigError: one of them is not a string, or empty; base_url is not a URL.
        """
        _check_text("auth_key", auth_key)
        _check_text("model", model)
        if base_url:
            _check_url(base_url)
        self._auth_key = auth_key
        self._model = model
        self._base_url = (base_url or self.DEFAULT_URL).rstrip("/")

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}(model={self._model!r}, base_url={self._base_url!r})"

    def auth_key(self) -> str:
        """Return the key of the provider's API."""
        return self._auth_key

    def format(self) -> str:
        """Return the format by which the engine authenticates, and reads the answer for display."""
        return self.FORMAT

    def headers(self) -> dict[str, str]:
        """Return headers to add to the request."""
        return {}

    def on_call(self, body: dict[str, object]) -> None:
        """Name the model in the body, unless it names one."""
        if body.get("model") is None:
            body["model"] = self._model

    def url_infer(self) -> str:
        """Return the URL that the body is posted to."""
        return f"{self._base_url}/chat/completions"


class OpenAIAdapter(ProviderAdapter):
    """OpenAI, and whatever has the same API."""

    DEFAULT_URL = "https://api.openai.com/v1"

    def __init__(
        self,
        *,
        auth_key: str,
        model: str,
        base_url: str | None = None,
        endpoint: Literal["chat/completions", "responses"] = "chat/completions",
    ) -> None:
        """Keep where requests go; nothing is contacted.

        auth_key: the key of the API.
        model: the name of the model, such as "gpt-4o".
        base_url: where the API is, up to and including its version; OpenAI's own by default.
        endpoint: which of the two APIs the body is for.
        Raises ConfigError: an argument that cannot be used.
        """
        super().__init__(auth_key=auth_key, model=model, base_url=base_url)
        if endpoint not in ("chat/completions", "responses"):
            raise ConfigError(f'endpoint is {endpoint!r}; give "chat/completions" or "responses"')
        self._endpoint = endpoint

    def format(self) -> str:
        """Return the format of the endpoint."""
        return "openai-responses" if self._endpoint == "responses" else self.FORMAT

    def url_infer(self) -> str:
        """Return the URL of the endpoint."""
        return f"{self._base_url}/{self._endpoint}"


class AnthropicAdapter(ProviderAdapter):
    """Anthropic's messages."""

    DEFAULT_URL = "https://api.anthropic.com/v1"
    FORMAT = "anthropic"
    VERSION = "2023-06-01"

    def __init__(self, *, auth_key: str, model: str, base_url: str | None = None, betas: Sequence[str] = ()) -> None:
        """Keep where requests go; nothing is contacted.

        auth_key: the key of the API.
        model: the name of the model.
        base_url: where the API is, up to and including its version; Anthropic's own by default.
        betas: the names of beta features to turn on.
        Raises ConfigError: an argument that cannot be used.
        """
        super().__init__(auth_key=auth_key, model=model, base_url=base_url)
        listed = cast("Sequence[object]", betas)
        if not isinstance(listed, list | tuple) or not all(each and isinstance(each, str) for each in listed):
            raise ConfigError(f"betas is {betas!r}; give a list of the names of beta features")
        self._betas = tuple(betas)

    def headers(self) -> dict[str, str]:
        """Return the version of the API, and the beta features."""
        betas = {"anthropic-beta": ",".join(self._betas)} if self._betas else {}
        return {"anthropic-version": self.VERSION, **betas}

    def on_call(self, body: dict[str, object]) -> None:
        """Name the model in the body, unless it names one; raise ConfigError when it has no max_tokens."""
        super().on_call(body)
        if body.get("max_tokens") is None:
            raise ConfigError("body has no max_tokens, which Anthropic requires; give the most tokens to generate")

    def url_infer(self) -> str:
        """Return the URL that the body is posted to."""
        return f"{self._base_url}/messages"


class GeminiAdapter(ProviderAdapter):
    """Google's Gemini. The engine adds the key to the URL, so it is not in what is shown of that."""

    DEFAULT_URL = "https://generativelanguage.googleapis.com/v1beta"
    FORMAT = "gemini"

    def on_call(self, body: dict[str, object]) -> None:
        """Change nothing: the model is part of the URL."""

    def url_infer(self) -> str:
        """Return the URL of the model."""
        return f"{self._base_url}/models/{urllib.parse.quote(self._model, safe='-._~')}:generateContent"


class GrokAdapter(ProviderAdapter):
    """xAI's Grok."""

    DEFAULT_URL = "https://api.x.ai/v1"


class DeepSeekAdapter(ProviderAdapter):
    """DeepSeek."""

    DEFAULT_URL = "https://api.deepseek.com/v1"


def _check_text(name: str, given: object) -> None:
    """Raise ConfigError for what is not a string; it does not show what was given, which may be a secret."""
    if isinstance(given, str) and given and is_unicode(given):
        return
    shown = kind_of(given) if not isinstance(given, str) else "empty" if not given else "a text that UTF-8 cannot hold"
    raise ConfigError(f"{name} is {shown}; give a text")


def _check_url(given: object) -> None:
    """Raise ConfigError for what is not a URL of an API."""
    if not isinstance(given, str):
        raise ConfigError(f"base_url is {kind_of(given)}; give a URL such as https://api.example.com/v1")
    try:
        url = urllib.parse.urlsplit(given)
        usable = url.scheme in ("http", "https") and url.hostname and url.port != 0 and is_unicode(given)
    except ValueError:
        usable = False
    if not usable or any(each.isspace() or not each.isprintable() for each in given):
        raise ConfigError(f"base_url is {given!r}; give a URL such as https://api.example.com/v1")
