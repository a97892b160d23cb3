"""The same as `inngest.ai.openai`, under the name of the official SDK."""

from inngest.ai.openai import Adapter

__all__ = ["Adapter"]
