"""The same as `inngest.ai.anthropic`, under the name of the official SDK."""

from inngest.ai.anthropic import Adapter

__all__ = ["Adapter"]
