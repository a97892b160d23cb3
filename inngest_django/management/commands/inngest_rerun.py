"""`manage.py inngest_rerun`: does a run again, as `inngest rerun` does."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "rerun"
