"""waitress, with the handler that docs/servers.md shows: `python -m tests.servers.apps.served_by_waitress`."""

import importlib
import logging
import signal
import sys
from types import FrameType
from typing import Any

from .served_wsgi import app

waitress: Any = importlib.import_module("waitress")  # it has no types


def end(_number: int, _frame: FrameType | None) -> None:
    sys.stdout.write("ending\n")
    sys.exit()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    signal.signal(signal.SIGTERM, end)
    waitress.serve(app, listen="127.0.0.1:0", threads=8)
