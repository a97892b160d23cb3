"""Anthropic: `inngest.ai.anthropic.Adapter(auth_key=..., model=...)`."""

from inngest_core.ai.adapters import AnthropicAdapter as Adapter

__all__ = ["Adapter"]
