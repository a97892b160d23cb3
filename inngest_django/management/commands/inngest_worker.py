"""`manage.py inngest_worker`: the project's functions in a worker, as `inngest worker` runs them."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "worker"
    help = "Run the functions of this project in a worker, which connects to an engine."
