"""Serve functions from a persistent worker: `connect([(client, functions)]).run()`. Needs the extra `connect`."""

from inngest_core.extras import needs

with needs("connect", "websockets", "google"):
    import google.protobuf  # noqa: F401 - loaded later, but asked for now

    from inngest_connect import ConnectionState, Worker, connect

__all__ = ["ConnectionState", "Worker", "connect"]
