"""Where the calls of a run stand in line: its concurrency, throttle and priority, from the function and the event.

Computed once, when a run is made or taken up again. Counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_devserver.apps.flow_options import Limit
from inngest_devserver.apps.functions import Function
from inngest_devserver.scheduling.meters import Metered
from inngest_devserver.scheduling.placement import Need, Placement

from .keys import Keys, label


class Placing:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def place(self, function: Function, event: Mapping[str, Any], queued_at: float) -> Placement:
        """Return where a run of *function* stands that was queued at a Unix time. event: the first of the run."""
        flow = function.flow
        return Placement(
            function_id=function.id,
            app_id=function.app_id,
            rank=queued_at - self._keys.priority(function, event),
            needs=tuple(self._need(function, limit, event) for limit in flow.limits),
            run_needs=tuple(self._need(function, limit, event, "runs") for limit in flow.run_limits),
            throttle=self._throttle(function, event),
        )

    def _need(self, function: Function, limit: Limit, event: Mapping[str, Any], of: str = "calls") -> Need:
        key = self._keys.text(function, "concurrency.key", limit.key, event)
        scope = function.id if limit.scope == "fn" else limit.scope
        text = limit.key.text if limit.key is not None else ""
        return Need((f"{scope} {of}", text, key), limit.limit, label(key, f"of {function.slug}"))

    def _throttle(self, function: Function, event: Mapping[str, Any]) -> Metered | None:
        rate = function.flow.throttle
        if rate is None:
            return None
        key = self._keys.text(function, "throttle.key", rate.key, event)
        return Metered(function.id, "throttle", key, rate.interval, rate.slack)
