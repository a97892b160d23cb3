"""One thing done with all runs of a filter: shown first, with how many and which, and done when that is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call
from inngest_devserver.http.v2.bulk_actions import BulkActions
from inngest_devserver.scheduling.clock import iso

from . import filters, rendering
from .asking import ask
from .filters import Wanted
from .forms import fields_of
from .run_list import line_of

_SHOWN = 12
"""Runs that are shown before it is done."""
_VERBS = {"cancel": "Cancel", "rerun": "Rerun"}


class BulkForms:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._actions = BulkActions(engine)

    async def show(self, call: Call) -> Response:
        """Show what would be done."""
        queries = {name: tuple(values) for name, values in call.queries.items()}
        action, wanted = _action(queries), filters.wanted_of(queries)
        result = await self._do(call, action, wanted, is_dry=True)
        found = [self._engine.store.run(each["runId"]) for each in reversed(result["runs"][-_SHOWN:])]
        return rendering.page(
            "bulk.html",
            action=action,
            verb=_VERBS[action],
            wanted=wanted,
            count=result["counts"]["done"],
            has_more=result["hasMore"],
            lines=[line_of(self._engine, row) for row in found if row is not None],
            until=iso(self._engine.clock.now()),
        )

    async def do(self, call: Call) -> Response:
        """Do it, and lead to the runs that have changed or are new."""
        fields = dict(fields_of(call))
        action, wanted = _action(fields), filters.wanted_of(fields)
        began = self._engine.clock.now()
        result = await self._do(call, action, wanted, is_dry=False)
        done, refused = result["counts"]["done"], result["counts"]["refused"]
        if action == "cancel":
            to = Wanted(status=("cancelled",), app=wanted.app, function=wanted.function)
        else:
            to = Wanted(app=wanted.app, function=wanted.function, begin=iso(began))
        return rendering.redirect(f"/runs{to.query()}&did=bulk-{action}&count={done}&refused={refused}")

    async def _do(self, call: Call, action: str, wanted: Wanted, *, is_dry: bool) -> Mapping[str, Any]:
        handler = self._actions.cancel if action == "cancel" else self._actions.rerun
        queries = filters.queries_of(self._engine, wanted)
        queries.pop("cursor", None)
        if not queries:  # every run that can be meant: the API wants that to be said
            queries["status"] = ["RUNNING"] if action == "cancel" else ["COMPLETED", "FAILED", "CANCELLED"]
        answer = await ask(handler, call, body={"filter": queries, "dryRun": is_dry})
        found: Mapping[str, Any] = answer["data"]
        return found


def _action(fields: Mapping[str, tuple[str, ...]]) -> str:
    action = fields.get("action", ("",))[0]
    if action not in _VERBS:
        raise APIError(400, f"action is {action!r}; expected cancel or rerun")
    return action
