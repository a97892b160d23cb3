"""DeepSeek: `inngest.ai.deepseek.Adapter(auth_key=..., model=...)`."""

from inngest_core.ai.adapters import DeepSeekAdapter as Adapter

__all__ = ["Adapter"]
