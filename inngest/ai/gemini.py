"""Gemini: `inngest.ai.gemini.Adapter(auth_key=..., model=...)`."""

from inngest_core.ai.adapters import GeminiAdapter as Adapter

__all__ = ["Adapter"]
