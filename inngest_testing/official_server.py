"""The official SDK's `dev_server.server`: an engine behind a socket, for tests that start an app on a port.

Here it is the bundled engine, in a thread of this process. `testing.Engine` needs no port.
"""

from __future__ import annotations

import os

from inngest_core.extras import needs

with needs("dev-server", "uvicorn", "starlette"):
    from inngest_devserver.engine import Options
    from inngest_devserver.server import DEFAULT_PORT, DevServer

PORT_VARIABLE, ENABLED_VARIABLE = "DEV_SERVER_PORT", "DEV_SERVER_ENABLED"


class Server:
    """The one engine of a process. It listens on DEV_SERVER_PORT, else 8288; DEV_SERVER_ENABLED=0 leaves it out."""

    def __init__(self) -> None:
        self._running: DevServer | None = None

    @property
    def port(self) -> int:
        """Where it listens, or will."""
        return int(os.environ.get(PORT_VARIABLE) or DEFAULT_PORT)

    @property
    def origin(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; does nothing when it runs already, or when DEV_SERVER_ENABLED is 0.

        Raises OSError: the port is taken.
        """
        if self._running is not None or os.environ.get(ENABLED_VARIABLE) == "0":
            return
        running = DevServer(Options(sink=None), port=self.port)
        running.__enter__()
        self._running = running

    def stop(self) -> None:
        """Stop it, if it runs."""
        running, self._running = self._running, None
        if running is not None:
            running.__exit__(None, None, None)


server = Server()
