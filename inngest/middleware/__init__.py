"""Ready-made middleware: `inngest.middleware.encryption` and others. Holds no logic."""

from __future__ import annotations

import importlib
from types import ModuleType

_SUBMODULES = frozenset(
    {"dependency_injection", "encryption", "logging", "opentelemetry", "pydantic_ai", "remote_state", "sentry"}
)


def __getattr__(name: str) -> ModuleType:
    """Load a submodule when it is first used."""
    if name in _SUBMODULES:
        return importlib.import_module(f"inngest.middleware.{name}")
    raise AttributeError(f"module 'inngest.middleware' has no attribute {name!r}")
