"""What the SDK logs, kept for a test to look at, or thrown away."""

from __future__ import annotations

import logging

import pytest


class LogList(logging.Handler):
    """Keeps the text of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def records_of(logger: str, caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged by one logger.

    The logger "inngest" warns of whatever holds an event loop for long, as anything may on a busy machine.
    """
    return [record for record in caplog.records if record.name == logger]


def said_by(logger: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the texts that were logged by one logger."""
    return [record.getMessage() for record in records_of(logger, caplog)]


def silent_logger() -> logging.Logger:
    """Return a logger that shows nothing."""
    logger = logging.Logger("silent")
    logger.addHandler(logging.NullHandler())
    return logger
