"""Adapters for `step.ai.infer`, one module for each provider: `inngest.ai.openai.Adapter` and so on. Holds no logic."""

from inngest_core.ai.adapters import Adapter

from . import anthropic, deepseek, gemini, grok, openai

__all__ = ["Adapter", "anthropic", "deepseek", "gemini", "grok", "openai"]
