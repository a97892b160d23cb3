"""`manage.py inngest_cancel`: cancels runs, as `inngest cancel` does."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "cancel"
