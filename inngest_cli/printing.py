"""How things are written for people and for programs: JSON, times, values in one line. Asks no engine."""

from __future__ import annotations

import datetime
import json
import sys

from inngest_devserver.json_parts import mapping, one_line


def show_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def show_json_line(value: object) -> None:
    """Print JSON in a line of its own, at once: for what comes bit by bit."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def complain(text: str) -> None:
    """Print to standard error what went wrong while the command goes on."""
    print(f"inngest: {one_line(text)}", file=sys.stderr)


def moment_of(text: object) -> datetime.datetime:
    """Return the time that an engine wrote; some write nanoseconds."""
    return datetime.datetime.fromisoformat(str(text))


def error_in_words(value: object) -> str:
    """Return the name and the message of an error, as runs and steps have them; nothing when it is none."""
    error = mapping(value)
    error = mapping(error.get("error")) or error
    named = [str(error[key]) for key in ("name", "message") if error.get(key)]
    return one_line(": ".join(named))
