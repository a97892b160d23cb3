"""What apps tell of a step besides its result: when it began, what it was called with, and metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from .metadata import NO_METADATA, Metadata


@dataclass(frozen=True, slots=True)
class Told:
    """began: the Unix time when the step did, if the app says so.

    arguments: those that it was called with, a JSON array, if the app records them.
    """

    began: float | None = None
    arguments: bytes | None = None
    metadata: Metadata = NO_METADATA


NOTHING_TOLD = Told()


def began_of(timing: object, now: float) -> float | None:
    """Return when a step began; what an app says beyond the present, or as no number, does not count."""
    began = cast("dict[str, Any]", timing).get("a") if isinstance(timing, dict) else None
    if type(began) is not int or not 0 < began <= now * 1e9:
        return None
    return began / 1e9
