"""`manage.py inngest_logs`: events and runs as they happen, as `inngest logs` shows them."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "logs"
