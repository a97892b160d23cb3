"""Serve functions from a persistent worker: `connect([(client, functions)]).run()`. Needs the extra `connect`."""

from inngest_core.extras import needs

with needs("connect", "websockets", "google"):
    from inngest_connect.life import ConnectionState
    from inngest_connect.worker import Worker, connect

__all__ = ["ConnectionState", "Worker", "connect"]
