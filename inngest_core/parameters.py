"""What the parameters of a handler are annotated with, and which of them middleware is to fill. Calls no user code."""

from __future__ import annotations

import contextlib
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typing_extensions

Parameters = Sequence[inspect.Parameter]

_NOTHING = object()


def annotations_of(code: object, parameters: Parameters) -> dict[str, object]:
    """Return the annotation of each parameter, evaluated where that is possible. code: the function that has them."""
    names, local = _names_of(code)
    return {each.name: _evaluated(each.annotation, names, local) for each in parameters}


def is_injected(parameter: inspect.Parameter, annotation: object) -> bool:
    """Tell whether a parameter says what it depends on: `Annotated[T, Depends(...)]`, or `Depends(...)` by default.

    Whatever has an attribute `dependency` says so, whoever made it.
    """
    if typing.get_origin(annotation) is Annotated:
        return any(_says(each) for each in typing.get_args(annotation)[1:])
    return _says(parameter.default)


def class_of(annotation: object) -> object:
    """Return the class of an annotation without the arguments of a generic one."""
    return typing.get_origin(annotation) or annotation


def _says(marker: object) -> bool:
    return not isinstance(marker, type) and inspect.getattr_static(marker, "dependency", _NOTHING) is not _NOTHING


def _names_of(code: object) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the global names of a function, and those of the functions around it that it uses."""
    if not isinstance(code, types.FunctionType):
        return {}, {}
    local: dict[str, Any] = {}
    for name, cell in zip(code.__code__.co_freevars, code.__closure__ or (), strict=False):
        with contextlib.suppress(ValueError):  # not assigned yet
            local[name] = cell.cell_contents
    return code.__globals__, local


def _evaluated(annotation: object, names: Mapping[str, Any], local: Mapping[str, Any]) -> object:
    if annotation is inspect.Parameter.empty:
        return None
    holder: Any = types.SimpleNamespace(__annotations__={"parameter": annotation})
    try:
        return typing_extensions.get_type_hints(holder, dict(names), dict(local), include_extras=True)["parameter"]
    except Exception:  # an annotation is any expression, and may name what only type checkers see
        return None
