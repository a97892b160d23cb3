"""A fresh interpreter: importing the SDK and making a client and a function, against what users import anyway."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from .measure import Effort, Row, best, compared, interleave

LIMIT = 1.25

_OURS = """
import inngest
client = inngest.Inngest(app_id="shop", is_production=False)
@client.create_function(fn_id="welcome", trigger=inngest.TriggerEvent(event="user/signed.up"))
def welcome(ctx: inngest.ContextSync, step: inngest.StepSync) -> dict:
    return {"ok": True}
"""
_THEIRS = """
import httpx
import pydantic
class User(pydantic.BaseModel):
    id: int
    name: str
    mail: str | None = None
"""


def rows(effort: Effort) -> Iterator[Row]:
    measured, reference = interleave(lambda: _seconds(_OURS), lambda: _seconds(_THEIRS), rounds=effort.long_rounds)
    what = "import inngest, a client, a function, against httpx and a pydantic model"
    yield compared(what, best(measured), best(reference), LIMIT)


def _seconds(code: str) -> float:
    """Run *code* in a fresh interpreter; return the seconds that it took there, without the interpreter's own start."""
    timed = f"import time\nstarted = time.perf_counter()\n{code}\nprint(time.perf_counter() - started)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True, env=environ)
    return float(done.stdout)
