"""`manage.py inngest_doctor`: says why the project is not called, as `inngest doctor` does."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "doctor"
