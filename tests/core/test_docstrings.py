"""An editor's hover is enough: every public callable says what it does, and explains each of its parameters.

A parameter is explained on a line of its own, `name: what it is`, in the docstring of the callable or of its class, or
by the docstring below the field that it sets: that is what editors show for the keyword under the cursor. A sentence
may also name it, as *name*.
"""

from __future__ import annotations

import ast
import enum
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, Unpack, get_args, get_origin, get_type_hints

import httpx
import pydantic
import pytest

import inngest

NOT_CALLED = {"Group", "GroupSync", "Serializer", "Step", "StepMemos", "StepSync"}
"""Classes whose instances users are given, and a protocol."""
SERIALIZERS = {"MsgspecSerializer", "PydanticSerializer"}
"""What their methods do, the protocol explains."""


def public_callables() -> Iterator[Any]:
    """Yield each callable and the texts that may explain its parameters."""
    for name in inngest.__all__:
        public: Any = getattr(inngest, name)
        if inspect.isclass(public):
            if name not in NOT_CALLED and not issubclass(public, enum.Enum):
                yield pytest.param(public, [*docs_of(public), *fields_of(public)], id=name)
            yield from methods_of(public, name)
        elif inspect.isfunction(public):
            yield pytest.param(public, docs_of(public), id=name)


def methods_of(kind: type, name: str) -> Iterator[Any]:
    for attribute, member in inspect.getmembers(kind, callable):
        if inspect.isfunction(member) or inspect.ismethod(member):
            is_public = not attribute.startswith("_") or attribute == "__call__"
            if is_public and member.__module__.startswith("inngest"):
                explained_by = getattr(inngest.Serializer, attribute, member) if name in SERIALIZERS else member
                yield pytest.param(member, docs_of(explained_by), id=f"{name}.{attribute}")


def docs_of(documented: Any) -> list[str]:
    """Return the docstrings of a function, or of a class, its ancestors and their constructors."""
    if not isinstance(documented, type):
        return [inspect.getdoc(documented) or ""]
    ours = [each for each in documented.__mro__ if each.__module__.startswith("inngest")]
    found = [vars(each).get("__doc__") for each in ours]
    found += [vars(each)["__init__"].__doc__ for each in ours if "__init__" in vars(each)]
    return [inspect.cleandoc(text) for text in found if text]


def fields_of(kind: type) -> list[str]:
    """Return `name: text` for each field that has a docstring below it."""
    texts: list[str] = []
    for each in kind.__mro__:
        if each.__module__.startswith("inngest"):
            (body,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
            assert isinstance(body, ast.ClassDef)
            for field, following in zip(body.body, body.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(following, ast.Expr):
                    texts.append(f"{ast.unparse(field.target)}: {ast.unparse(following.value)}")
    return texts


def parameters_of(public: Callable[..., object]) -> list[str]:
    """Return the names of all arguments that a caller may give, each keyword of a TypedDict included."""
    if isinstance(public, type) and issubclass(public, pydantic.BaseModel):
        return list(public.model_fields)
    names: list[str] = []
    named_late = {"httpx": httpx}  # some modules name its types and load it when it is used
    signed = vars(public).get("__init__", public) if isinstance(public, type) else public
    hints = get_type_hints(signed, localns=named_late)
    for name, parameter in inspect.signature(public).parameters.items():
        if get_origin(hints.get(name)) is Unpack and parameter.kind is parameter.VAR_KEYWORD:
            names += get_type_hints(get_args(hints[name])[0])
        elif name != "self":
            names.append(name)
    return names


@pytest.mark.parametrize(("public", "texts"), list(public_callables()))
def test_every_parameter_is_explained(public: Any, texts: list[str]) -> None:
    assert texts, "it has no docstring"
    assert texts[0], "it has no docstring"
    text = "\n".join(texts)
    unexplained = [
        name
        for name in parameters_of(public)
        if not re.search(rf"^\s*(\w+, )*{name}(, \w+)*: |\*{name}\*", text, re.MULTILINE)
    ]
    assert not unexplained
