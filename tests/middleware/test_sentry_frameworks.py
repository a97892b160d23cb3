"""Sentry beside its own integrations for web frameworks: what they add, and what they would give away."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.cases.case import FULL_ID

from .sentry_program import APPS, SECRET, SIGNATURE

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=APPS)
def sent(request: pytest.FixtureRequest) -> Any:
    """Return what an app sends to Sentry about two calls, of which the second one fails."""
    program = [sys.executable, "-m", "tests.middleware.sentry_program", request.param]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(ended.stdout)


def test_what_happens_in_a_call_has_the_name_of_its_function(sent: Any) -> None:
    kinds = [each["what"] for each in sent if each["transaction"] == FULL_ID]
    assert sorted(kinds) == ["event", "transaction", "transaction"]
    ops = [each["contexts"]["trace"]["op"] for each in sent if each["what"] == "transaction"]
    assert sorted(ops) == ["http.server", "http.server", "queue.task.inngest", "queue.task.inngest"]


def test_a_failed_run_is_one_event(sent: Any) -> None:
    (event,) = [each for each in sent if each["what"] == "event"]
    assert [each["type"] for each in event["exception"]["values"]] == ["ValueError"]
    assert event["request"]["method"] == "POST"


def test_neither_data_nor_signatures_are_sent(sent: Any) -> None:
    assert SECRET not in json.dumps(sent)
    assert SIGNATURE not in json.dumps(sent)
