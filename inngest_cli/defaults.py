"""Where an engine is when nothing says otherwise. Imports nothing, so that a command starts fast."""

from __future__ import annotations

from pathlib import Path

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_PORT = 8288
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"
DEFAULT_FILE = Path(".inngest") / "engine.db"
