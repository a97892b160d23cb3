"""The core, driven in the calling thread."""

from tests.stage.asks import ask_sync

from .core import CoreTarget

TARGET = CoreTarget("core-sync", ask_sync)
