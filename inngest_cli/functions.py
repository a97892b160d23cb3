"""Finds the function that a user means among those that an engine knows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from inngest_devserver.json_parts import mappings

from .errors import CommandError, UsageError
from .remote import Remote


@dataclass(frozen=True, slots=True)
class FunctionName:
    """The ids of an app, and of a function within it."""

    app: str
    function: str

    def __str__(self) -> str:
        return f"{self.app}-{self.function}" if self.app else self.function


def apps_of(remote: Remote) -> list[Mapping[str, Any]]:
    """Return the apps of an engine. Raises CommandError."""
    return mappings(remote.data("/api/v2/apps"))


def functions_of(remote: Remote, app: str) -> list[Mapping[str, Any]]:
    """Return the functions of an app. Raises CommandError."""
    return mappings(remote.data(f"/api/v2/apps/{quote(app, safe='')}/functions"))


def matching(remote: Remote, text: str) -> list[FunctionName]:
    """Return the functions that *text* can mean: `<app>-<function>`, or the id of a function in any app."""
    return [name for name in _known(remote) if text in (str(name), name.function)]


def find(remote: Remote, text: str) -> FunctionName:
    """Return the only function that *text* can mean. Raises CommandError, UsageError."""
    known = _known(remote)
    found = [name for name in known if text in (str(name), name.function)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"FUNCTION {text!r} is in several apps; write one of {', '.join(map(str, found))}")
    if not known:
        raise CommandError(
            f"the engine at {remote.origin} knows no functions yet; `inngest doctor{remote.url_option}` says why"
        )
    names = [str(name) for name in known]
    near = difflib.get_close_matches(text, [*names, *(name.function for name in known)], n=1)
    hint = f"did you mean {near[0]}?" if near else f"`inngest apps{remote.url_option}` lists them"
    raise CommandError(f"the engine at {remote.origin} has no function {text!r}; {hint}")


def _known(remote: Remote) -> list[FunctionName]:
    return [
        FunctionName(app, str(function.get("id")))
        for app in (str(one.get("id")) for one in apps_of(remote))
        for function in functions_of(remote, app)
    ]
