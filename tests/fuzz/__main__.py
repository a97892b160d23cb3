"""The whole run: `python -m tests.fuzz --examples 20000`. Ends with 1 when a rule is broken, and says by what."""

from __future__ import annotations

import argparse
import collections
import sys
import time
from typing import cast

from hypothesis import Phase, given, seed, settings

from .fuzzed_apps import KINDS, fuzzed_apps
from .random_requests import EVERY_HEALTH_CHECK, Asked, requests
from .rules import check


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Ask random requests of every app.")
    parser.add_argument("--examples", type=int, default=20_000, help="in all, divided among the kinds of apps")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    options = parser.parse_args()
    say(f"seed {options.seed}")
    broken = sum(not run(kind, options.examples // len(KINDS), options.seed + nth) for nth, kind in enumerate(KINDS))
    return 1 if broken else 0


def run(kind: tuple[str, str, str], examples: int, seed_: int) -> bool:
    """Ask the app of one kind; return whether all rules held."""
    seen: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    with fuzzed_apps() as apps:

        @seed(seed_)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=EVERY_HEALTH_CHECK,
            report_multiple_bugs=True,
        )
        @given(requests())
        def ask(asked: Asked) -> None:
            apps.records.own_errors.clear()
            response = apps.ask(kind, asked)
            method = asked.request.method if asked.request.method in ("POST", "PUT", "GET") else "other"
            seen[f"{method} {response.status}"] += 1
            check(asked, kind[0], response, apps.records)

        failure: BaseException | None = None
        try:
            ask()
        except Exception as error:
            failure = error
    counts = ", ".join(f"{name}: {count}" for name, count in sorted(seen.items()))
    say(f"{'-'.join(kind)}: {seen.total()} in {time.monotonic() - started:.0f} s; {counts}")
    if failure is not None:
        _show(failure)
    return failure is None


def _show(failure: BaseException) -> None:
    if isinstance(failure, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", failure).exceptions:
            _show(each)
        return
    say(f"  broken: {type(failure).__name__}: {failure}")
    for note in getattr(failure, "__notes__", ()):
        say(f"    {note}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
