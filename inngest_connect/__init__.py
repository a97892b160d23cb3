"""Persistent workers: an app that opens a WebSocket to an engine instead of being called over HTTP."""

from __future__ import annotations

from .life import ConnectionState
from .worker import Worker, connect

__all__ = ["ConnectionState", "Worker", "connect"]
