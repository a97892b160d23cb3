"""`manage.py inngest_runs`: runs, their steps and results, as `inngest runs` shows them."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "runs"
