"""Says which extra to install when a framework's module is used and the framework is not there."""

from __future__ import annotations

from inngest_core.extras import needs

__all__ = ["needs"]
