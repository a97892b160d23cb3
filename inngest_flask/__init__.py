"""Serves functions from Flask: `serve` for an app or a blueprint, `Extension` for apps with settings.

Each file translates between Flask and the core, and does nothing else.
"""

from __future__ import annotations

from .extension import Extension, Served
from .serve import serve

__all__ = ["Extension", "Served", "serve"]
