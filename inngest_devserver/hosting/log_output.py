"""Shows what functions log, when the app itself has not configured logging: Python would drop all below a warning.

Touches the loggers of the app's clients alone, so that no other library's logging changes.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s"


class _Fallback(logging.Handler):
    """Writes to standard error until the app configures logging after all: nothing is to be shown twice."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger
        self.setFormatter(logging.Formatter(_FORMAT, datefmt="%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        if all(handler is self for handler in _handlers(self._logger)):
            try:
                sys.stderr.write(self.format(record) + "\n")
                sys.stderr.flush()
            except Exception:
                self.handleError(record)


def show_logs(loggers: Iterable[object]) -> None:
    """Show what is logged at INFO and above by loggers that have no handler; a level that was set is kept.

    To be called once the app has started: it may configure logging until then.
    """
    for logger in loggers:
        if not isinstance(logger, logging.Logger) or logger.hasHandlers():
            continue
        if logger.level == logging.NOTSET and logger.getEffectiveLevel() == logging.WARNING:
            logger.setLevel(logging.INFO)
        logger.addHandler(_Fallback(logger))


def _handlers(logger: logging.Logger) -> Iterable[logging.Handler]:
    """Yield the handlers that a record of *logger* goes to."""
    each: logging.Logger | None = logger
    while each is not None:
        yield from each.handlers
        each = each.parent if each.propagate else None
