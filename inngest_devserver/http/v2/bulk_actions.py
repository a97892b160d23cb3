"""The handlers of `/api/v2` that do one thing with many runs: those that a filter finds, or that are named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import Call
from inngest_devserver.storage.tables import RunRow

from .bodies import body_of, count_in, flag_in, object_in, texts_in
from .envelope import answered
from .questions import QuestionError
from .run_actions import RunActions
from .run_lists import RunLists
from .shapes import BulkRefusal, BulkResult, BulkRun

MOST_AT_ONCE = 1_000
"""Runs of one request."""
_IN_A_TURN = 50
"""Runs that are done before whatever else the engine does has its turn."""
_FILTERS = ("status", "appId", "functionId", "from", "until", "timeField", "text")
_ENDED = ("COMPLETED", "FAILED", "CANCELLED")

Act = Callable[[RunRow], BulkRun]


class BulkActions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lists = RunLists(engine)
        self._actions = RunActions(engine)

    async def cancel(self, call: Call) -> Response:
        """Cancel runs that have not ended."""
        return await self._do(call, self._cancel, ("RUNNING",))

    async def rerun(self, call: Call) -> Response:
        """Do runs again that have ended, the oldest first."""
        return await self._do(call, self._rerun, _ENDED)

    def _cancel(self, row: RunRow) -> BulkRun:
        self._actions.cancel_one(row.id)
        return BulkRun(runId=row.id)

    def _rerun(self, row: RunRow) -> BulkRun:
        if row.ended_at is None:
            raise QuestionError("The run has not ended; cancel it first", code="run_not_ended", status=409)
        return BulkRun(runId=row.id, newRunId=self._actions.rerun_one(row).id)

    async def _do(self, call: Call, act: Act, statuses: Sequence[str]) -> Response:
        body = body_of(call, ("filter", "runIds", "limit", "dryRun"))
        limit, is_dry = count_in(body, "limit", MOST_AT_ONCE), flag_in(body, "dryRun")
        rows, has_more = await self._rows(call, body, limit, statuses)
        done: list[BulkRun] = []
        refused: list[BulkRefusal] = []
        for number, row in enumerate(reversed(rows), start=1):
            try:
                done.append(BulkRun(runId=row.id) if is_dry else act(row))
            except QuestionError as error:
                refused.append(BulkRefusal(runId=row.id, code=error.code, message=error.message))
            if number % _IN_A_TURN == 0:
                self._engine.store.commit()
                await asyncio.sleep(0)
        counts = {"done": len(done), "refused": len(refused)}
        return answered(
            self._engine, BulkResult(counts=counts, runs=done, refused=refused, hasMore=has_more, dryRun=is_dry)
        )

    async def _rows(
        self, call: Call, body: Mapping[str, Any], limit: int, statuses: Sequence[str]
    ) -> tuple[list[RunRow], bool]:
        """Return the runs that are meant, newest first, and whether there are more."""
        if ("filter" in body) == ("runIds" in body):
            raise QuestionError("Say which runs are meant, with either filter or runIds")
        if "runIds" in body:
            named = list(dict.fromkeys(texts_in(body["runIds"], "runIds")))
            if len(named) > limit:
                raise QuestionError(f"runIds are {len(named)}; at most {limit} are allowed")
            return sorted(map(self._actions.row_of, named), key=lambda row: row.id, reverse=True), False
        given = object_in(body["filter"], "filter")
        if not given:
            raise QuestionError("filter is empty, which means every run; give at least one field of it")
        unknown = sorted(set(given) - set(_FILTERS))
        if unknown:
            raise QuestionError(f"filter.{unknown[0]} is unknown; known are {', '.join(_FILTERS)}")
        queries = {name: texts_in(value, f"filter.{name}") for name, value in given.items()}
        queries.setdefault("status", list(statuses))
        return await self._lists.find(Call(call.request, call.path, queries), limit)
