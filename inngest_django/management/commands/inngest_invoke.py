"""`manage.py inngest_invoke`: runs a function with data of your own, as `inngest invoke` does."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "invoke"
