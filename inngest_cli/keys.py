"""Keys on the command line: they are moved to the environment, for every user of a machine can list its processes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

_OPTIONS = frozenset({"--signing-key", "--signing-key-fallback", "--event-key"})


def split_keys(text: str | None) -> tuple[str, ...]:
    """Return the keys in a variable, which has commas between several."""
    return tuple(key for part in (text or "").split(",") if (key := part.strip()))


def hide_keys(options: argparse.Namespace) -> None:
    """Start this very process anew without the keys among its arguments, if there are any; they are in its environment.

    On Windows nothing happens: there it would be another process.
    """
    given = {
        "INNGEST_SIGNING_KEY": options.signing_key,
        "INNGEST_SIGNING_KEY_FALLBACK": options.signing_key_fallback,
        "INNGEST_EVENT_KEY": ",".join(options.event_key or ()),
    }
    keys = {name: value for name, value in given.items() if value}
    if keys and os.name != "nt":
        os.execve(sys.executable, without_keys(sys.orig_argv), {**os.environ, **keys})  # noqa: S606 - our own program


def without_keys(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a process without the options that are keys, and without their values."""
    kept: list[str] = []
    skips = False
    for argument in arguments:
        if skips:
            skips = False
        elif argument in _OPTIONS:
            skips = True
        elif argument.partition("=")[0] not in _OPTIONS:
            kept.append(argument)
    return kept
