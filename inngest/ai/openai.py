"""OpenAI: `inngest.ai.openai.Adapter(auth_key=..., model=...)`."""

from inngest_core.ai.adapters import OpenAIAdapter as Adapter

__all__ = ["Adapter"]
