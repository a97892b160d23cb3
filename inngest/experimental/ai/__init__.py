"""The adapters under the names of the official SDK; the same as in `inngest.ai`."""

from inngest.ai import Adapter as BaseAdapter

from . import anthropic, deepseek, gemini, grok, openai

__all__ = ["BaseAdapter", "anthropic", "deepseek", "gemini", "grok", "openai"]
