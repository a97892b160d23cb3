"""The examples of the integrations: each app is started by an engine as its text says, and does what that promises."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.cli.commands import ROOT, dev, run

pytestmark = pytest.mark.live

EXAMPLES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "dependency_injection": (
        ["notes/asked", '{"text": "buy milk"}'],
        ["notes: 1", "session closed"],
    ),
    "encryption": (
        ["clinic/patient.admitted", '{"patient": "P1"}'],
        ["the engine gets: __ENCRYPTED__, __STRATEGY__, data", "the app reads: P1 has a cold"],
    ),
    "logging": (
        ["shop/order.placed", '{"order": "A1"}'],
        ['"inngest_fn_id": "logging-shop-fulfil", "inngest_step_id": "charge"', '"message": "shipped"'],
    ),
    "opentelemetry": (
        ["shop/order.placed", '{"order": "A1"}'],
        ["span: step charge", "span: run otel-shop-fulfil"],
    ),
    "pydantic_ai": (
        ["support/asked", '{"order": "A1"}'],
        ["looked up A1", "run completed"],
    ),
    "remote_state": (
        ["report/asked", '{"lines": 2000}'],
        ["stored: 1 file", "lines read back: 2000"],
    ),
    "sentry": (
        ["shop/order.placed", '{"order": "A1", "card": "stolen"}'],
        ["reported: the bank refused the card in sentry-shop-fulfil"],
    ),
}
"""What is sent to the example, and what is then printed."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str) -> None:
    event, printed = EXAMPLES[name]
    with dev(f"examples.integrations.{name}", folder=ROOT) as session:
        origin = session.origin()
        session.until("ready:")
        run("send", *event, "--url", origin)
        for text in printed:
            assert text in session.until(text)
