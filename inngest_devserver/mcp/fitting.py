"""What a tool answers, so that it fits: not longer than an assistant can read, and in characters that can be sent."""

from __future__ import annotations

import json
from typing import Any

from inngest_devserver.json_parts import LONGEST_VALUE, cut

LONGEST_TEXT = 60_000
"""Characters of an answer that is a text; a longer one is cut in its middle, as its end says what came of a run."""


def fit(answer: Any) -> Any:
    """Return what a tool answers, as it can be sent: a lone surrogate, which JSON allows, is no text."""
    if isinstance(answer, str):
        return without_middle(answer).encode(errors="replace").decode()
    return json.loads(json.dumps(answer, ensure_ascii=False).encode(errors="replace"))


def without_middle(text: str) -> str:
    """Return a text without its middle, where it is too long; whole lines are kept."""
    if len(text) <= LONGEST_TEXT:
        return text
    head, tail = text[: LONGEST_TEXT // 2].rpartition("\n")[0], text[-LONGEST_TEXT // 2 :].partition("\n")[2]
    left_out = len(text) - len(head) - len(tail)
    return f"{head}\n... {left_out} characters are left out ...\n{tail}"


def shorten(value: Any) -> Any:
    """Return a value; where it is long, the beginning of its JSON as a text that says so."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= LONGEST_VALUE else cut(text)
