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
        "INNGEST_SIGNING_KEY_FALLBACK": getattr(options, "signing_key_fallback", None),
        "INNGEST_EVENT_KEY": _joined(options.event_key),
    }
    keys = {name: value for name, value in given.items() if value}
    if keys and os.name != "nt":
        kept = dict(os.environ)
        if options.signing_key and options.command != "start":
            kept.pop("INNGEST_TOKEN", None)  # which would be shown instead of the key
        os.execve(sys.executable, without_keys(sys.orig_argv), {**kept, **keys})  # noqa: S606 - our own program


def _joined(keys: str | Sequence[str] | None) -> str:
    """Return one key, or the several that a command may take, as the variable has them."""
    return keys if isinstance(keys, str) else ",".join(keys or ())


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
