"""What the product offers that the pages must explain: errors, variables, arguments of commands, parameters."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest

import inngest_cli
import inngest_core
import inngest_devserver
import inngest_middleware
from inngest_cli import main as cli
from inngest_core import errors


class Recorder(dict[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


def every_error(base: type[errors.InngestError] = errors.InngestError) -> Iterator[type[errors.InngestError]]:
    """Yield the errors of the product, whichever of its modules defines them."""
    if base.__module__.startswith("inngest"):
        yield base
    for kind in base.__subclasses__():
        yield from every_error(kind)


def load_every_module() -> None:
    """Import all of the packages that can have errors of their own: a class that nobody imported is not found."""
    for package in (inngest_core, inngest_devserver, inngest_middleware, inngest_cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def help_of(*command: str) -> str:
    """Return what `inngest … --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


def arguments_in(text: str) -> set[str]:
    """Return the names of options in a help text, and what stands for the other arguments."""
    lines = re.findall(r"^  (\S.*?)(?:  |$)", text.partition("\n\n")[2], re.MULTILINE)
    options = {name for line in lines if line.startswith("-") for name in re.findall(r"(?<!\S)--?[\w-]+", line)}
    others = {line for line in lines if not line.startswith("-") and line != "COMMAND"}
    return (options | others) - {"-h", "--help"}


def parameters(callable_: Any) -> set[str]:
    return set(inspect.signature(callable_).parameters) - {"self"}


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}
