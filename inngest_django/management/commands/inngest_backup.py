"""`manage.py inngest_backup`: a copy of all that the engine keeps, as `inngest backup` makes it."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "backup"
