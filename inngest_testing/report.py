"""A run as people read it, as `inngest runs` prints it: what happened when, and what it came to."""

from __future__ import annotations

from inngest_core.error_text import headline
from inngest_core.protocol.duration import dump_duration
from inngest_devserver.runs.journal import Happening

from .records import RunRecord
from .results import one_line, output_of
from .snapshots import Line, Snapshot, Status

_WIDEST_NAME = 60
_HOUR = 3600.0
_OWN = "_inngest"
"""What an engine puts into the data of the event of an invocation."""


def report(run: Snapshot, record: RunRecord, marked: str = "") -> str:
    """Return the report of a run. marked: the id of the step that was not as expected."""
    took = "" if run.ended_at is None else f" in {_after(run.ended_at - run.started_at)}"
    lines = [f"{run.run_id}  {run.function}  {run.status}{took}"]
    lines += [_line(line, marked, run) for line in run.lines]
    if run.status is Status.COMPLETED:
        lines.append(f"  output  {one_line(output_of(run, record))}")
    elif run.status is Status.FAILED and record.errors:
        lines.append(f"  error   {_below(headline(record.errors[-1]))}")
    lines += [f"> waits   {reason}" for reason in run.waits_for]
    return "\n".join(lines)


def _line(line: Line, marked: str, run: Snapshot) -> str:
    mark = ">" if line.failed or (marked and line.name == marked) else " "
    detail = _first_line(line.detail)
    what = f"{line.name[:_WIDEST_NAME]}: {detail}" if line.name else detail
    if line.kind == Happening.RUN_STARTED:
        what += f" {one_line({key: value for key, value in run.event.data.items() if key != _OWN})}"
    return f"{mark} {_after(line.at):>11}  {what}"


def _first_line(text: str) -> str:
    """Return the first line of what failed: an attempt fails as the one before it, and the error is shown whole."""
    first, *more = text.splitlines() or [""]
    return f"{first} …" if any(more) else first


def _below(text: str) -> str:
    """Return a text of several lines that begin below each other."""
    return text.rstrip().replace("\n", f"\n{' ' * len('  error   ')}")


def _after(seconds: float) -> str:
    """Return a time as seconds, and from an hour on in larger units."""
    return f"{max(seconds, 0):.2f} s" if seconds < _HOUR else dump_duration(round(seconds) * 1000)
