"""`manage.py inngest_dev`: an engine with the project beside it, as `inngest dev` starts them for any app."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "dev"
    help = "Run an engine on this machine, and this project, whose functions it calls."
