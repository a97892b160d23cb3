"""CEL expressions: whether the syntax of one is right, and the report of the CEL library in one line.

The library is asked where it is installed (the extra "dev-server"), and is loaded with the first expression: that takes
some 8 ms and 8 MB. Only the syntax counts here. Which variables, functions and macros there are, and how deep an
expression may nest, is for the engine to say. `inngest_devserver/matcher.py` compiles and evaluates expressions.
"""

from __future__ import annotations

import functools
import re
from typing import Protocol, cast

# Patterns are compiled when a first expression is refused, not with the import.
_FIRST = r"<input>:(-?\d+):(-?\d+): (Syntax error: )?([^\n]*)"
_STATUS = r"^[A-Z_]+: (?:ERROR: )?| \[[A-Z_]+\]$"
_TOKENS = r" expecting \{.*"
_TEXT = r"""[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|//[^\n]*"""
"""A text in an expression, or a comment."""
_CALL = r"([A-Za-z_]\w*)\s*\("
_SHOWN = 200


class _Parser(Protocol):
    def compile(self, expression: str, disable_check: bool) -> object: ...


def syntax_problem_of(text: str) -> str | None:
    """Return where and why *text* is not CEL; None when it is, or when there is no library to ask."""
    parser = _parser()
    if parser is None:
        return None
    try:
        parser.compile(text, disable_check=True)
    except TypeError:
        return "not a text of valid Unicode"
    except RuntimeError as error:
        report = str(error)
        first = re.search(_FIRST, report)
        return explain(report) if first is not None and first[3] else None
    return None


def called_in(text: str) -> set[str]:
    """Return the names of the functions, methods and macros that an expression calls."""
    return set(re.findall(_CALL, re.sub(_TEXT, "''", text)))


def explain(report: str) -> str:
    """Return where and why in one line, from what the library reports, which may be a page per mistake."""
    first = re.search(_FIRST, report)
    if first is None:
        return _cause(report.strip().splitlines()[0]) if report.strip() else "it does not compile"
    line, column, cause = int(first[1]), int(first[2]), _cause(first[4])
    if line < 1:
        return cause
    where = f"column {column}" if line == 1 else f"line {line}, column {column}"
    return f"{where}: {cause}"


def shorten(text: str) -> str:
    """Return *text* in quotes for a message, cut when it is long."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... ({len(text)} characters)"


@functools.lru_cache(maxsize=1)
def _parser() -> _Parser | None:
    try:
        # The library brings stubs, but no py.typed marker.
        from cel_expr_python import cel  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        return None
    return cast("_Parser", cel.NewEnv())


def _cause(text: str) -> str:
    cause = re.sub(_TOKENS, "", re.sub(_STATUS, "", text)).removesuffix(" (in container '')")
    return cause if len(cause) <= _SHOWN else f"{cause[:_SHOWN]}..."
