"""How things are printed for people and for programs. Asks no engine."""

from __future__ import annotations

import json
import sys

from inngest_devserver.json_parts import one_line


def show_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def show_json_line(value: object) -> None:
    """Print JSON in a line of its own, at once: for what comes bit by bit."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def complain(text: str) -> None:
    """Print to standard error what went wrong while the command goes on."""
    print(f"inngest: {one_line(text)}", file=sys.stderr)
