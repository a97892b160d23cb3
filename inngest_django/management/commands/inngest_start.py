"""`manage.py inngest_start`: a self-hosted engine with the project beside it, as `inngest start` runs them."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "start"
    help = "Run a self-hosted engine, which asks for keys, and this project, whose functions it calls."
