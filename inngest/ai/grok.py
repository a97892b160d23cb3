"""Grok: `inngest.ai.grok.Adapter(auth_key=..., model=...)`."""

from inngest_core.ai.adapters import GrokAdapter as Adapter

__all__ = ["Adapter"]
