"""The text of a traceback as frames: which are the user's own, and which belong to libraries. Python's tracebacks only.

An error of an app in another language has no frames here; its text is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_LIBRARY = re.compile(
    r"site-packages|dist-packages|/lib/python\d|\\lib\\|^<frozen|/inngest_core/|/pyenv/", re.IGNORECASE
)
_LONGEST_CAUSES = 8
_NEAREST = 3


@dataclass(slots=True)
class Frame:
    """One call. code: its line in the source, if it is known."""

    file: str
    line: int
    function: str
    code: list[str] = field(default_factory=list[str])

    @property
    def is_own(self) -> bool:
        return not _LIBRARY.search(self.file)


@dataclass(slots=True)
class ErrorText:
    """An error as it is shown. causes: from which it was raised."""

    name: str
    message: str
    frames: list[Frame]
    stack: str
    causes: list[ErrorText] = field(default_factory=list["ErrorText"])

    @property
    def own(self) -> list[Frame]:
        """Return the frames in the user's code; all of them when none is."""
        return [frame for frame in self.frames if frame.is_own] or self.frames

    @property
    def nearest(self) -> list[Frame]:
        """Return the user's frames that are nearest to where it was raised."""
        return self.own[-_NEAREST:]

    @property
    def hidden(self) -> int:
        return len(self.frames) - len(self.own)


def error_of(value: object) -> ErrorText | None:
    """Return the error that the output of a run or of a step holds; None when it holds none."""
    if not isinstance(value, dict):
        return None
    given = cast("dict[str, Any]", value)
    error = given.get("error")
    fields = cast("dict[str, Any]", error) if isinstance(error, dict) else given
    if not isinstance(fields.get("message"), str) and not fields.get("name"):
        return None
    found = _read(fields)
    cause: object = fields.get("cause")
    while isinstance(cause, dict) and len(found.causes) < _LONGEST_CAUSES:
        causing = cast("dict[str, Any]", cause)
        found.causes.append(_read(causing))
        cause = causing.get("cause")
    return found


def _read(fields: Mapping[str, Any]) -> ErrorText:
    stack = str(fields.get("stack") or "")
    return ErrorText(str(fields.get("name") or "Error"), str(fields.get("message") or ""), frames_of(stack), stack)


def frames_of(stack: str) -> list[Frame]:
    """Return the frames of a traceback, outermost first."""
    frames: list[Frame] = []
    for line in stack.splitlines():
        match = _FRAME.match(line)
        if match:
            frames.append(Frame(match["file"], int(match["line"]), match["function"] or ""))
        elif frames and line.startswith("    ") and not set(line.strip()) <= {"~", "^"}:
            frames[-1].code.append(line.strip())
    return frames
