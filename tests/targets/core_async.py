"""The core, driven on a loop."""

from tests.stage.asks import ask_async

from .core import CoreTarget

TARGET = CoreTarget("core-async", ask_async)
