"""The name of the official SDK's `inngest.experimental.dev_server`: `server.start()`, `server.stop()`."""

from inngest_testing.official_server import Server, server

__all__ = ["Server", "server"]
