"""A testing kit: `testing.run(function)` and others. Needs the extra `testing`."""

from inngest_core.extras import needs

with needs("testing", "cel_expr_python", "cronsim"):
    from inngest_testing.async_engine import AsyncEngine
    from inngest_testing.capture import Sent
    from inngest_testing.errors import (
        AppError,
        NotSentError,
        RunCancelledError,
        RunNotEndedError,
        StepNotMetError,
        StubError,
        TestingError,
    )
    from inngest_testing.results import Logs, Result, Status, StepResult, Steps
    from inngest_testing.running import run, run_async
    from inngest_testing.stubs import TIMEOUT, returns, sent_by, sequence
    from inngest_testing.sync_engine import Engine

__all__ = [
    "TIMEOUT",
    "AppError",
    "AsyncEngine",
    "Engine",
    "Logs",
    "NotSentError",
    "Result",
    "RunCancelledError",
    "RunNotEndedError",
    "Sent",
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
