"""What a test is told when a run is not as it should be. Each is an AssertionError, so that a test fails by it."""

from __future__ import annotations


class TestingError(AssertionError):
    """Base of the failures that the testing kit reports.

    run_id, step: the run that it is about, and the id of the step that was not as expected, where there are such.
    """

    __test__ = False  # a class for tests, not one of tests
    run_id = ""
    step = ""


class StubError(TestingError):
    """A stub was never used, or does not fit the step that it is for."""


class ReplayError(TestingError):
    """The function did not do the same again when it was called from its memos."""


class StepNotMetError(TestingError, KeyError):
    """The run has no step of this id."""

    def __str__(self) -> str:
        return str(self.args[0])


class RunNotEndedError(TestingError):
    """The run goes on, so it has no output yet; or it did not end in the time that it was given."""


class RunCancelledError(TestingError):
    """The run was cancelled, so it has no output."""


class NotSentError(TestingError):
    """The events that were sent are others than expected."""


class EffectError(TestingError):
    """What a test marked as a side effect was done outside of a step, or not as often as expected."""


class TestOutcomeError(TestingError):
    """Carries an outcome of the test itself that was raised inside of a function: of pytest.fail, or of a time-out."""

    def __init__(self, outcome: BaseException) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class AppError(TestingError):
    """What was given is neither an app nor a function, or does not answer as one."""
