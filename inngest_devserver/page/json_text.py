"""Values as JSON that is easy to read: indented, its parts marked for the style sheet. Escapes everything."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

LONGEST = 200_000
"""Characters of a value that are shown; a browser gets slow with more."""
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>true|false|null)"
)


class Markup(str):
    """A text that is HTML already, which Jinja2 leaves as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def pretty(value: object) -> str:
    """Return a value as indented JSON; one that is very long is cut, which is said."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… {len(text) - LONGEST} more characters"


def marked_up(value: object) -> Markup:
    """Return JSON as HTML, with a class for each kind of token."""
    return Markup("".join(_marked(pretty(value))))


def _marked(text: str) -> Iterator[str]:
    end = 0
    for match in _TOKEN.finditer(text):
        yield html.escape(text[end : match.start()])
        yield f'<span class="j-{match.lastgroup}">{html.escape(match[0])}</span>'
        end = match.end()
    yield html.escape(text[end:])


def in_short(value: object, length: int = 120) -> str:
    """Return a value as JSON in one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else f"{text[: length - 1]}…"
