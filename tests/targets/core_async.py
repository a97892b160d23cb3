"""The core, driven on a loop."""

from .core import CoreTarget, ask_async

TARGET = CoreTarget("core-async", ask_async)
