"""Gives a signal to the one step that waits for it. Who waits, and who loses a wait, is decided in `progress.py`."""

from __future__ import annotations

from collections.abc import Callable

from inngest_devserver import fragments
from inngest_devserver.storage.tables import PauseRow

from . import memos
from .active import ActiveRuns
from .run import Run

Finish = Callable[[Run, PauseRow, bytes, str | None], None]


class Signals:
    """finish: lets a run go on, given the pause that ends, its memo, and the message when that is an error."""

    def __init__(self, active: ActiveRuns, finish: Finish) -> None:
        self._active = active
        self._finish = finish

    def send(self, signal: str, data: object) -> Run | None:
        """Give a signal to the step that waits for it; return its run, or None when no step does."""
        found = self._active.waiting_for_signal(signal)
        if found is None:
            return None
        run, pause = found
        self._finish(run, pause, memos.data(fragments.dump({"signal": signal, "data": data})), None)
        return run
