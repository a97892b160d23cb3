"""`manage.py inngest_apps`: the apps of the engine and their functions, as `inngest apps` shows them."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "apps"
