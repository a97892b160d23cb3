"""The program on the page of Tornado serves, and ends when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import environ
from tests.stage.servers import free_port

from .pages import ROOT, read_blocks

pytestmark = pytest.mark.live


def test_the_program_of_the_page_serves_until_it_is_ended(tmp_path: Path) -> None:
    for block in read_blocks(ROOT / "docs" / "tornado.md"):
        for mark in block.marks:
            if mark.startswith("file: "):
                (tmp_path / mark.removeprefix("file: ")).write_text(block.text)
    port = free_port()
    variables = environ(PYTHONPATH=str(ROOT), INNGEST_DEV="1", PORT=str(port))
    with subprocess.Popen([sys.executable, "main.py"], cwd=tmp_path, env=variables) as process:
        try:
            retrying = httpx.HTTPTransport(retries=10)  # with pauses that grow: it gives up after four minutes
            with httpx.Client(transport=retrying, timeout=60) as http:
                answer = http.get(f"http://127.0.0.1:{port}/api/inngest")
            assert (answer.status_code, answer.json()["function_count"]) == (200, 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
