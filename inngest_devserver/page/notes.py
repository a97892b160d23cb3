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
    "bulk-cancelled": "{runs} cancelled.",
    "bulk-rerun": "{runs} started again.",
}
_MOST_DIGITS = 9


def note_of(call: Call) -> str:
    """Return what is to be told; empty when nothing was done."""
    text = _NOTES.get(call.query.get("did", ""), "")
    count = call.query.get("count", "0")[:_MOST_DIGITS]
    return text.format(runs=plural(int(count) if count.isascii() and count.isdigit() else 0, "run"))
