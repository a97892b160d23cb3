"""The same as `inngest.ai.gemini`, under the name of the official SDK."""

from inngest.ai.gemini import Adapter

__all__ = ["Adapter"]
