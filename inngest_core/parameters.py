"""The parameters of a handler: its form, their annotations, and which of them middleware fills. Calls no user code."""

from __future__ import annotations

import contextlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, cast

import typing_extensions

from .errors import FunctionConfigError

Parameters = Sequence[inspect.Parameter]

_NOTHING = object()


def read_parameters(handler: Callable[..., object], what: str) -> list[inspect.Parameter]:
    """Return the parameters of a handler; raises FunctionConfigError when it has no signature. what: names it."""
    try:
        return _parameters(handler)
    except Exception:  # on Python 3.13 inspect calls the `__signature__` that a proxy invents, which may raise anything
        raise FunctionConfigError(f"{what} has no readable signature; wrap it in a def (ctx) or (ctx, step)") from None


def check_order(parameters: Sequence[inspect.Parameter], injected: Sequence[inspect.Parameter], what: str) -> None:
    """Refuse what is injected before ctx and step, which are given by position."""
    required = [each for each in parameters if each.default is each.empty and each.kind is not each.KEYWORD_ONLY]
    seen = [each in injected for each in required if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    if seen != sorted(seen):
        names = ", ".join(each.name for each in injected)
        raise FunctionConfigError(f"{what} takes {names} before its own parameters; put ctx and step first")


def takes_step(parameters: Sequence[inspect.Parameter], what: str) -> bool:
    """Tell whether a handler is called as (ctx, step) instead of (ctx); raises FunctionConfigError for other forms."""
    required = [parameter for parameter in parameters if parameter.default is inspect.Parameter.empty]
    positional = [p.name for p in required if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    keywords = [p.name for p in required if p.kind is p.KEYWORD_ONLY]
    if positional[:1] in (["self"], ["cls"]):
        raise FunctionConfigError(
            f"{what} takes {positional[0]}, so it is a method, and nothing passes {positional[0]} to it; "
            "decorate a function outside of the class, or define it with a bound method: "
            "client.create_function(...)(instance.method)"
        )
    if keywords:
        raise FunctionConfigError(
            f"{what} requires the keyword arguments {', '.join(keywords)}, which are never given; "
            "bind them with functools.partial, or give them defaults"
        )
    if len(positional) not in (1, 2):
        takes_any = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
        raise FunctionConfigError(
            f"{what} requires {len(positional)} positional parameters ({', '.join(positional)}); "
            "expected (ctx) or (ctx, step)"
            + ("; if a decorator made it, use functools.wraps in the decorator, which keeps them" if takes_any else "")
        )
    return len(positional) == 2


def check_step(parameters: Parameters, annotations: Mapping[str, object], what: str) -> None:
    """Refuse a second parameter that is most likely no step: its annotation is a text that cannot be evaluated.

    It may name a dependency, and the handler would get the step instead.
    """
    if len(parameters) < 2:
        return
    second = parameters[1]
    if second.default is not second.empty or second.kind in (second.VAR_POSITIONAL, second.VAR_KEYWORD):
        return  # it is given nothing
    text = second.annotation
    if not isinstance(text, str) or annotations[second.name] is not None or "step" in f"{second.name} {text}".lower():
        return
    raise FunctionConfigError(
        f"{what} takes {second.name}: {text}, and that annotation cannot be evaluated; define the names in it at the "
        "level of the module, or leave out `from __future__ import annotations`; call the parameter step if it is that"
    )


def annotations_of(code: object, parameters: Parameters) -> dict[str, object]:
    """Return the annotation of each parameter, evaluated where that is possible. code: the function that has them."""
    names, local = _names_of(code)
    return {each.name: _evaluated(each.annotation, names, local) for each in parameters}


def marker_of(parameter: inspect.Parameter, annotation: object) -> object | None:
    """Return what says what a parameter depends on: `Annotated[T, Depends(...)]`, or `Depends(...)` by default.

    Whatever has an attribute `dependency` says so, whoever made it. None for all other parameters.
    Raises FunctionConfigError: the class `Depends` itself stands there; its parameter would be taken for a step.
    """
    is_annotated = typing.get_origin(annotation) is Annotated
    given = reversed(typing.get_args(annotation)[1:]) if is_annotated else (parameter.default,)
    for each in given:
        if _says(each):
            return cast("object", each)
        if isinstance(each, type) and each.__name__ == "Depends":
            raise FunctionConfigError(
                f"the parameter {parameter.name} has the class Depends itself as its marker; call it, as in "
                "Depends(get_session), or Depends() for the annotated class"
            )
    return None


def is_injected(parameter: inspect.Parameter, annotation: object) -> bool:
    """Tell whether a parameter says what it depends on."""
    return marker_of(parameter, annotation) is not None


def class_of(annotation: object) -> object:
    """Return the class of an annotation without the arguments of a generic one."""
    return typing.get_origin(annotation) or annotation


def _parameters(handler: Callable[..., object]) -> list[inspect.Parameter]:
    """Return what *handler* itself takes; a wrapper that takes *args passes on, so what it wraps decides."""
    try:
        own = list(inspect.signature(handler, follow_wrapped=False).parameters.values())
    except ValueError:  # of a wrapper that has none itself, as those of functools.lru_cache and staticmethod
        return list(inspect.signature(handler).parameters.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in own):
        return list(inspect.signature(handler).parameters.values())
    return own


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
