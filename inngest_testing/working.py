"""While a test engine works: between two such blocks its time stands still, and nothing happens."""

from __future__ import annotations

from inngest_devserver.scheduling.scheduler import Scheduler

from .errors import TestOutcomeError
from .history import History
from .recording import Recorder
from .tracebacks import as_raised_by_kit

__tracebackhide__ = True


class Working:
    """Lets the engine work inside of an `async with` block; raises what has to fail the test at its end."""

    def __init__(self, scheduler: Scheduler, history: History, recorder: Recorder) -> None:
        self._scheduler = scheduler
        self._history = history
        self._recorder = recorder

    async def __aenter__(self) -> None:
        self._scheduler.resume()

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._scheduler.pause()
        self._history.refresh()
        if error is None and self._recorder.problems:
            problem = self._recorder.problems[0]
            if isinstance(problem, TestOutcomeError):
                raise problem.outcome
            if problem.run_id and not hasattr(problem, "__notes__"):
                problem.add_note(self._history.shown(problem.run_id, problem.step))
            raise as_raised_by_kit(problem)
