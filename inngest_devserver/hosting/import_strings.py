"""Import strings, such as "module:app": parsed, imported and looked up, with messages that say what to write instead.

Does not know what the object that is found is for. Imports the standard library only, so that commands which need no
engine can use it.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType

DEFAULT_ATTRIBUTE = "app"


class LoadError(Exception):
    """The import string does not lead to what is wanted; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed import string. attribute: empty for the module itself. is_factory: written with parentheses."""

    module: str
    attribute: str
    is_factory: bool

    def __str__(self) -> str:
        if not self.attribute:
            return self.module
        return f"{self.module}:{self.attribute}" + ("()" if self.is_factory else "")


def parse_target(text: str, *, default: str = DEFAULT_ATTRIBUTE) -> Target:
    """Return the parts of "module", "module:attribute" or "module:factory()"; raises LoadError.

    default: the attribute when none is named; empty for the module itself.
    """
    module, colon, attribute = text.strip().partition(":")
    if module.endswith(".py") or "/" in module or "\\" in module:
        dotted = ".".join(Path(module.removesuffix(".py").replace("\\", "/")).parts).strip(".")
        example = attribute or default
        raise LoadError(
            f"{text!r} names a file; write a module, as in {dotted}{':' if example else ''}{example}, "
            "and start from the directory that holds it"
        )
    is_factory = attribute.endswith("()")
    attribute = attribute.removesuffix("()") if colon else default
    names = [*module.split("."), *(attribute.split(".") if colon or attribute else ())]
    if not all(name.isidentifier() for name in names):
        raise LoadError(f"{text!r} is not an import string; write module:app, or module:create_app() for a factory")
    return Target(module, attribute, is_factory)


def import_module(target: Target, directory: Path) -> ModuleType:
    """Import the module, with *directory* on the path.

    Raises LoadError: there is no such module; what the user's own code raises passes through.
    """
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if target.module != missing and not target.module.startswith(f"{missing}."):
            raise
        raise LoadError(f"there is no module {missing!r} in {directory}{_near_modules(missing, directory)}") from None


def find(module: ModuleType, target: Target, likely: Callable[[ModuleType], Sequence[str]]) -> object:
    """Return what *target* names in its module; raises LoadError. likely: the names in a module that may be meant."""
    value: object = module
    for name in target.attribute.split(".") if target.attribute else ():
        if not hasattr(value, name):
            raise LoadError(_no_attribute(value, name, target, likely(module)))
        value = getattr(value, name)
    return value


def call_factory(factory: object, target: Target) -> object:
    """Return what the factory makes; raises LoadError."""
    if not callable(factory):
        name = type(factory).__name__
        raise LoadError(
            f"{target}: {target.attribute!r} is of type {name}, which is not a factory; write it without parentheses"
        )
    if inspect.iscoroutinefunction(factory):
        raise LoadError(f"{target}: an async factory cannot be used; make it a plain def, or name an app object")
    return factory()


@contextlib.contextmanager
def explaining_failures(target: str) -> Iterator[None]:
    """Raise LoadError for whatever the user's code raises inside the block, after printing their part of the trace."""
    try:
        yield
    except (LoadError, KeyboardInterrupt):
        raise
    except BaseException as error:
        traceback.print_exception(type(error), error, _users_part(error.__traceback__))
        cause = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        raise LoadError(f"importing {target} failed: {cause}") from None


def _near_modules(missing: str, directory: Path) -> str:
    head, _, name = missing.rpartition(".")
    folder = directory.joinpath(*head.split(".")) if head else directory
    found = [path.stem for path in folder.glob("*.py")] + [path.parent.name for path in folder.glob("*/*.py")]
    near = difflib.get_close_matches(name, sorted(set(found)), n=3)
    prefix = f"{head}." if head else ""
    hint = "start from the directory that holds it"
    return f"; did you mean {', '.join(prefix + other for other in near)}?" if near else f"; {hint}"


def _no_attribute(owner: object, name: str, target: Target, likely: Sequence[str]) -> str:
    names = [other for other in dir(owner) if not other.startswith("_")]
    near = [*likely, *difflib.get_close_matches(name, names, n=3)]
    message = f"module {target.module!r} has no {target.attribute!r}"
    if near:
        return f"{message}; did you mean {target.module}:{near[0]}?"
    return f"{message}; give the name of the app, as in {target.module}:my_app"


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Return *trace* without the frames of this package and of the import system."""
    here = Path(__file__).parent
    ours = (str(here), str(here.parents[1] / "inngest_cli"), str(Path(importlib.__file__).parent), "<frozen")
    part = trace
    while part is not None and part.tb_frame.f_code.co_filename.startswith(ours):
        part = part.tb_next
    return part or trace
