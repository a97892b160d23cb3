"""A testing kit: `testing.run(function)` and others. Needs the extra `testing`."""

from inngest_core.extras import needs

with needs("testing", "cel_expr_python", "cronsim"):
    from inngest_testing import (
        TIMEOUT,
        AppError,
        AsyncEngine,
        Engine,
        Logs,
        Result,
        RunCancelledError,
        RunNotEndedError,
        Status,
        StepNotMetError,
        StepResult,
        Steps,
        StubError,
        TestingError,
        returns,
        run,
        run_async,
        sent_by,
        sequence,
    )

__all__ = [
    "TIMEOUT",
    "AppError",
    "AsyncEngine",
    "Engine",
    "Logs",
    "Result",
    "RunCancelledError",
    "RunNotEndedError",
    "Status",
    "StepNotMetError",
    "StepResult",
    "Steps",
    "StubError",
    "TestingError",
    "returns",
    "run",
    "run_async",
    "sent_by",
    "sequence",
]
