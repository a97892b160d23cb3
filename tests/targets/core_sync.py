"""The core, driven in the calling thread."""

from .core import CoreTarget, ask_sync

TARGET = CoreTarget("core-sync", ask_sync)
