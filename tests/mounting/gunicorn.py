"""gunicorn, in a process of its own, with an app of `hosted.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.stage.servers import listen, port_of

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def by_gunicorn(target: str, engine_origin: str, *arguments: str, **environ: str) -> Generator[int]:
    """Run the app that *target* names; environ: more for its process."""
    with listen() as listening:
        bound = listening.fileno()
        with subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                f"--bind=fd://{bound}",
                "--no-control-socket",
                "--log-level=critical",
                *arguments,
                target,
            ],
            pass_fds=[bound],
            cwd=ROOT,
            env={**os.environ, "INNGEST_DEV": "1", "INNGEST_API_BASE_URL": engine_origin, **environ},
        ) as process:
            try:
                yield port_of(listening)
            finally:
                process.terminate()
