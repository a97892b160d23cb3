"""`manage.py inngest_send`: one event to the engine of the project, as `inngest send` sends it."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "send"
