"""Warns of plain functions that hold the event loop: nothing else runs on it meanwhile."""

from __future__ import annotations

import logging

HELD_LOOP_SECONDS = 0.1
"""A sync callback that holds the event loop for longer is named in a warning."""

_log = logging.getLogger("inngest")


def tell_if_held(what: str, seconds: float) -> None:
    """Warn when a callback held the loop for too long.

    what: names it. seconds: how long it ran.
    """
    if seconds > HELD_LOOP_SECONDS:
        _log.warning(
            "%s held the event loop for %.0f ms; make it async def, or make the function a plain def",
            what or "a callback",
            seconds * 1000,
        )
