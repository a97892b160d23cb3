"""A testing kit: `testing.run(function)` and others. Needs the extra `testing`."""

from inngest_core.extras import needs

with needs("testing", "cel_expr_python", "cronsim", "httptools"):
    from inngest_testing.async_engine import AsyncEngine
    from inngest_testing.capture import Sent
    from inngest_testing.effects import SideEffect, side_effect
    from inngest_testing.errors import (
        AppError,
        EffectError,
        NotSentError,
        ReplayError,
        RunCancelledError,
        RunNotEndedError,
        StepNotMetError,
        StubError,
        TestingError,
    )
    from inngest_testing.exported import Replayed, ReplayedStep, replay
    from inngest_testing.results import Logs, Result, StepResult, Steps
    from inngest_testing.running import run, run_async
    from inngest_testing.snapshots import Status
    from inngest_testing.stubs import TIMEOUT, returns, sent_by, sequence
    from inngest_testing.sync_engine import Engine

__all__ = [
    "TIMEOUT",
    "AppError",
    "AsyncEngine",
    "EffectError",
    "Engine",
    "Logs",
    "NotSentError",
    "ReplayError",
    "Replayed",
    "ReplayedStep",
    "Result",
    "RunCancelledError",
    "RunNotEndedError",
    "Sent",
    "SideEffect",
    "Status",
    "StepNotMetError",
    "StepResult",
    "Steps",
    "StubError",
    "TestingError",
    "replay",
    "returns",
    "run",
    "run_async",
    "sent_by",
    "sequence",
    "side_effect",
]
