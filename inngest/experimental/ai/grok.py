"""The same as `inngest.ai.grok`, under the name of the official SDK."""

from inngest.ai.grok import Adapter

__all__ = ["Adapter"]
