"""What was just done, told on the page where one lands after it. An address can name it, and say nothing else."""

from __future__ import annotations

from inngest_devserver.http.answers import Call

from .words import plural

_NOTES = {
    "sent": "Event sent. It started {runs}.",
    "invoked": "Function invoked: this is its run.",
    "rerun": "Run again: this is the new run.",
    "cancelled": "Run cancelled.",
    "skipped": "Skipped: the run goes on.",
    "bulk-cancel": "{runs} cancelled.",
    "bulk-rerun": "{runs} started again: here are the new ones.",
}
_MOST_DIGITS = 9


def note_of(call: Call) -> str:
    """Return what is to be told; empty when nothing was done."""
    text = _NOTES.get(call.query.get("did", ""), "").format(runs=plural(_count(call, "count"), "run"))
    refused = _count(call, "refused")
    return f"{text} {plural(refused, 'run')} could not be." if text and refused else text


def _count(call: Call, name: str) -> int:
    text = call.query.get(name, "0")[:_MOST_DIGITS]
    return int(text) if text.isascii() and text.isdigit() else 0
