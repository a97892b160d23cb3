"""The health file of a worker: there while it is connected, as young as the last frame. It never stops a worker."""

from __future__ import annotations

import logging
from pathlib import Path


class HealthFile:
    """path: None for no file."""

    def __init__(self, path: Path | None, log: logging.Logger) -> None:
        self._path = path
        self._log = log
        self._is_known_to_fail = False

    def touch(self) -> None:
        """Say that the worker is connected."""
        if self._path is None:
            return
        try:
            self._path.touch()
        except OSError as error:
            self._complain(error)

    def remove(self) -> None:
        """Say that the worker is not connected."""
        if self._path is None:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._is_known_to_fail:
            self._is_known_to_fail = True
            self._log.warning("the health file cannot be written: %s", error)
