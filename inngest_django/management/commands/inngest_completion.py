"""`manage.py inngest_completion`: what a shell needs to complete the command `inngest`."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "completion"
