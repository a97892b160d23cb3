"""The targets, one module each, with a module-level `TARGET`. They are found, never listed."""

from __future__ import annotations

import importlib
import pkgutil

from .target import Target


def find_targets() -> dict[str, Target]:
    """Return every target, by name."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    targets: list[Target] = [module.TARGET for module in modules if hasattr(module, "TARGET")]
    return {target.name: target for target in targets}
