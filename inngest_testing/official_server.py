"""The official SDK's `dev_server.server`: an engine behind a socket, for tests that start an app on a port.

Here it is the bundled engine, in a thread of this process. `testing.Engine` needs no port.
"""

from __future__ import annotations

import os

from inngest_core.extras import needs

with needs("dev-server", "uvicorn", "starlette"):
    from inngest_devserver.engine import Options
    from inngest_devserver.server import DEFAULT_PORT, DevServer

_LAST_PORT = 65535
PORT_VARIABLE, ENABLED_VARIABLE = "DEV_SERVER_PORT", "DEV_SERVER_ENABLED"


class Server:
    """The one engine of a process. It listens on DEV_SERVER_PORT, else 8288; DEV_SERVER_ENABLED=0 leaves it out."""

    def __init__(self) -> None:
        self._running: DevServer | None = None

    @property
    def port(self) -> int:
        """Where it listens, or will. Raises ValueError: DEV_SERVER_PORT is no port."""
        text = os.environ.get(PORT_VARIABLE) or str(DEFAULT_PORT)
        if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
            raise ValueError(f"{PORT_VARIABLE} is {text!r}; give the number of a port, such as {DEFAULT_PORT}")
        return int(text)

    @property
    def origin(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; does nothing when it runs already, or when DEV_SERVER_ENABLED is 0.

        Raises OSError: the port is taken. ValueError: DEV_SERVER_PORT is no port.
        """
        if self._running is not None or os.environ.get(ENABLED_VARIABLE) == "0":
            return
        port = self.port
        running = DevServer(Options(sink=None), port=port)
        try:
            running.__enter__()
        except OSError as error:
            raise OSError(
                error.errno,
                f"port {port} cannot be used ({error.strerror}), perhaps as another engine is there; set "
                f"{PORT_VARIABLE} to another one, or {ENABLED_VARIABLE}=0 to use the one that is there",
            ) from None
        self._running = running

    def stop(self) -> None:
        """Stop it, if it runs."""
        running, self._running = self._running, None
        if running is not None:
            running.__exit__(None, None, None)


server = Server()
