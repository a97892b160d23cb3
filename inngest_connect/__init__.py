"""Persistent workers: an app that opens a WebSocket to an engine instead of being called over HTTP. Needs `connect`."""

from __future__ import annotations

from inngest_core.extras import needs_extra

with needs_extra("connect"):
    import google.protobuf as _protobuf  # noqa: F401
    import websockets as _websockets  # noqa: F401

from .life import ConnectionState
from .worker import Worker, connect

__all__ = ["ConnectionState", "Worker", "connect"]
