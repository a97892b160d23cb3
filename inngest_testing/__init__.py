"""A testing kit: functions, and whole apps, run on the bundled engine's own logic, in process and in virtual time.

Users import it as `from inngest import testing`.
"""

from __future__ import annotations

from .async_engine import AsyncEngine
from .errors import (
    AppError,
    RunCancelledError,
    RunNotEndedError,
    StepNotMetError,
    StubError,
    TestingError,
)
from .results import Logs, Result, Status, StepResult, Steps
from .running import run, run_async
from .stubs import TIMEOUT, returns, sent_by, sequence
from .sync_engine import Engine

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
