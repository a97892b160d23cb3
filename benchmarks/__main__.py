"""Prints the table of what was promised and what was measured: `python -m benchmarks [--quick] [subject ...]`.

The exit code is 0 also when a limit is missed, unless --strict is given: machines are noisy, and a person decides.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from collections.abc import Iterator
from typing import Protocol, cast

from .measure import FULL, QUICK, Effort, Row, Table

SUBJECTS = (
    "startup",
    "small_calls",
    "over_sockets",
    "large_event",
    "replay",
    "saving",
    "values",
    "refusal",
    "middleware",
    "engine",
    "engine_load",
    "workers",
    "testing_kit",
    "page",
)


class Subject(Protocol):
    """What each module of a subject offers."""

    def rows(self, effort: Effort) -> Iterator[Row]: ...


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what is promised about speed.")
    parser.add_argument(
        "subjects", nargs="*", metavar="subject", help=f"some of: {', '.join(SUBJECTS)}; all by default"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, noisier numbers")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a limit is missed")
    options = parser.parse_args()
    unknown = set(options.subjects) - set(SUBJECTS)
    if unknown:
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    started = time.perf_counter()
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.machine()}{_busy()}")
    table = Table()
    for name in options.subjects or SUBJECTS:
        subject = cast("Subject", importlib.import_module(f"{__package__}.{name}"))
        for row in subject.rows(QUICK if options.quick else FULL):
            table.add(row)
    print(f"{table.summary()} ({time.perf_counter() - started:.0f} s)")
    return 1 if options.strict and any(row.ok is False for row in table.rows) else 0


def _busy() -> str:
    """Return a warning when others use the processors: then the numbers without a reference say little."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return f"; BUSY: the load is {load:.1f} before anything is measured" if load > 1 else ""


if __name__ == "__main__":
    sys.exit(main())
