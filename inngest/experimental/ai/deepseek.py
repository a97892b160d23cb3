"""The same as `inngest.ai.deepseek`, under the name of the official SDK."""

from inngest.ai.deepseek import Adapter

__all__ = ["Adapter"]
