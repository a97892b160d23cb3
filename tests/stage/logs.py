"""What the SDK logs, kept for a test to look at, or thrown away."""

from __future__ import annotations

import logging


class LogList(logging.Handler):
    """Keeps the text of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def silent_logger() -> logging.Logger:
    """Return a logger that shows nothing."""
    logger = logging.Logger("silent")
    logger.addHandler(logging.NullHandler())
    return logger
