"""The name under which the official SDK keeps results elsewhere; the stores are those of this package."""

from inngest.middleware.remote_state import MemoryStore, RemoteStateMiddleware, S3Store

__all__ = ["MemoryStore", "RemoteStateMiddleware", "S3Store"]
