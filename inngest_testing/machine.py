"""The bundled engine as tests run it: in memory, quiet, nothing at random, nothing forgotten. Decides nothing else."""

from __future__ import annotations

from inngest_devserver.engine import Engine, Options
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.storage.at_hand import StoreAtHand
from inngest_devserver.storage.retention import Keep

from .sending import InProcessSender
from .substitutes import Substitutes

_KEEP_ALL = Keep(runs=10_000_000, seconds=1e12)


def make_machine(clock: Clock, sender: InProcessSender, substitutes: Substitutes) -> Engine:
    """Return an engine that is not started, on the running loop. sender: makes its requests to apps.

    substitutes: take the place of what it does itself for steps.
    """
    options = Options(
        clock=clock,
        sink=None,
        store=StoreAtHand(),
        keep=_KEEP_ALL,
        sender=sender,
        fetcher=substitutes,
        substitute=substitutes.substitute,
        spread=lambda first, last: first,
    )
    return Engine(options)
