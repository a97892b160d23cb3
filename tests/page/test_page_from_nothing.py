"""From `inngest dev` to the cause of a failed run and a rerun that succeeds, without having read anything."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.live, pytest.mark.browser]
PATIENCE_MS = 60_000
APP = """
import inngest
import inngest.flask
import pydantic
from flask import Flask

app = Flask(__name__)
client = inngest.Inngest(app_id="bakery", is_production=False)


class Order(pydantic.BaseModel):
    bread: str = pydantic.Field(examples=["rye"])
    loaves: int = pydantic.Field(ge=2)


@client.create_function(fn_id="bake", name="Bake bread", trigger=inngest.event_type("bakery/ordered", Order), retries=0)
def bake(ctx):
    print("warming the oven for", ctx.event.data.bread)
    return ctx.step.run("knead", knead, ctx.event.data.loaves)


def knead(loaves):
    return loaves / 0


inngest.flask.serve(app, client, [bake])
"""


@dataclass
class Bakery:
    """`inngest dev --reload` with an app that has a bug, in *file*."""

    file: Path
    terminal: IO[str]

    def wait_for(self, pattern: str) -> str:
        """Return what the pattern finds in the next lines of the terminal."""
        for line in self.terminal:
            found = re.search(pattern, line)
            if found:
                return found[found.lastindex or 0]
        raise AssertionError(f"the command has ended, and never said {pattern}")


@pytest.fixture
def bakery(tmp_path: Path) -> Iterator[Bakery]:
    file = tmp_path / "main.py"
    file.write_text(APP, encoding="utf-8")
    command = [sys.executable, "-m", "inngest_cli", "dev", "main:app", "--reload", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Bakery(file, process.stdout)
        finally:
            process.terminate()


def test_a_bug_is_found_and_mended_from_the_page(page: Page, bakery: Bakery) -> None:
    origin = bakery.wait_for(r"engine\s+(http://\S+)")
    bakery.wait_for("ready: inngest send")
    page.goto(origin)
    page.get_by_role("link", name="Send bakery/ordered").click()
    expect(page.get_by_label("Data", exact=True)).to_have_value('{\n  "bread": "rye",\n  "loaves": 2\n}')
    page.get_by_role("button", name="Send event").click()

    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Failed Bake bread", timeout=PATIENCE_MS)
    error = page.locator(".error").first
    expect(error).to_contain_text("division by zero")
    expect(error.locator(".frames li").last).to_contain_text("return loaves / 0")
    expect(page.get_by_role("region", name="Logs")).to_contain_text("warming the oven for rye")

    bakery.file.write_text(APP.replace("loaves / 0", "loaves / 2"), encoding="utf-8")
    bakery.wait_for("the code changed")
    bakery.wait_for("registered 1 function")
    page.get_by_role("button", name="Rerun", exact=True).click()
    expect(heading).to_have_text("Completed Bake bread", timeout=PATIENCE_MS)
    expect(page.get_by_role("region", name="Output of the run")).to_have_text("1")
