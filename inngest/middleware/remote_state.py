"""Large results of steps in a store of the app's. Needs the extra `remote-state` for S3, and nothing for the others."""

from inngest_middleware.remote_state import (
    DirectoryStore,
    MemoryStore,
    RemoteStateError,
    RemoteStateMiddleware,
    S3Store,
    Store,
)

__all__ = ["DirectoryStore", "MemoryStore", "RemoteStateError", "RemoteStateMiddleware", "S3Store", "Store"]
