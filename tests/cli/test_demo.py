"""The demo runs each example app end to end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .commands import ROOT, environ

pytestmark = pytest.mark.live


@pytest.mark.parametrize("framework", ["flask", "starlette", "fastapi", "django", "tornado"])
def test_the_demo_shows_that_all_runs_end_as_they_should(framework: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.demo", framework],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All runs ended as they should" in done.stdout
    assert done.stderr == ""
