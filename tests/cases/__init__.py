"""The cases, one module per subject. A case is a module-level `Case`; it is found, and named after where it stands."""

from __future__ import annotations

import importlib
import pkgutil

from .case import Case, HandlerKind


def find_cases() -> dict[str, Case]:
    """Return every case of every module here, by "module.name"."""
    found: dict[str, Case] = {}
    for module in pkgutil.iter_modules(__path__):
        names = vars(importlib.import_module(f"{__name__}.{module.name}"))
        found.update({f"{module.name}.{name}": case for name, case in names.items() if isinstance(case, Case)})
    return found


def cases_by_kind() -> dict[str, tuple[Case, HandlerKind]]:
    """Return every case in each of its kinds, by "module.name-kind"."""
    return {f"{name}-{kind}": (case, kind) for name, case in find_cases().items() for kind in case.kinds}
