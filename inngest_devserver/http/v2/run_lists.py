"""Lists of runs: a page at a time, filtered, also by a text, for which the loop of the engine is never held up long."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from inngest_core.web.messages import Response
from inngest_devserver import fragments
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.registry import Registry
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import Call
from inngest_devserver.http.waiting import state_of
from inngest_devserver.storage.run_pages import Place, RunFilter, Text, place_after, place_of, run_page
from inngest_devserver.storage.tables import RunRow

from .envelope import answered
from .questions import QuestionError, cursor, finer_statuses, flag, page_limit, run_filter
from .shapes import Page
from .views import run_view

SEARCHED_AT_ONCE = 2_000
"""Runs that are searched before whatever else the engine does has its turn."""
MOST_SEARCHED = 20_000
"""Runs in which a text is looked for in one request; the next page goes on after them."""
_LONGEST_TEXT = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """runs: as many as were asked for, if there are. after: the place after which to go on, if there is more."""

    runs: list[RunRow]
    after: Place | None


async def find_runs(engine: Engine, wanted: RunFilter, limit: int, finer: frozenset[str] = frozenset()) -> Found:
    """Return the runs that are wanted, at most *limit* of them.

    finer: in which states of `questions.FINER` one must be that has not ended; in any, when it is empty.
    """
    if wanted.text is None and not finer:
        return _look(engine, wanted, limit)
    found: list[RunRow] = []
    for _ in range(MOST_SEARCHED // SEARCHED_AT_ONCE):
        through = place_after(engine.store.database, wanted, SEARCHED_AT_ONCE)
        some = _look(engine, dataclasses.replace(wanted, through=through), limit - len(found), finer)
        found += some.runs
        if some.after is not None or through is None:
            return Found(found, some.after)
        wanted = dataclasses.replace(wanted, after=through)
        if len(found) == limit:
            break
        await asyncio.sleep(0)
    return Found(found, wanted.after)


def _look(engine: Engine, wanted: RunFilter, limit: int, finer: frozenset[str] = frozenset()) -> Found:
    found = run_page(engine.store.database, wanted, SEARCHED_AT_ONCE if finer else limit + 1)
    if finer:
        found = [run for run in found if run.ended_at is not None or state_of(engine, run) in finer]
    more = len(found) > limit
    return Found(found[:limit], place_of(found[limit - 1], wanted.time_field) if more else None)


def text_filter(registry: Registry, given: str) -> Text | None:
    """Return a text to look for, if there is one; raises QuestionError."""
    text = given.strip()
    if not text:
        return None
    if len(text) > _LONGEST_TEXT:
        raise QuestionError(f"text is {len(text)} characters long; at most {_LONGEST_TEXT} are allowed")
    lower = text.lower()
    named = [one.id for one in registry.known() if lower in one.slug.lower() or lower in one.name.lower()]
    return Text(text, fragments.dump(text).decode()[1:-1], named)


class RunLists:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._registry = engine.registry

    async def page(self, call: Call, functions: Sequence[str] | None = None) -> Response:
        """Answer with a page. functions: engine's ids of the only ones that are meant, before the query is asked."""
        limit = page_limit(call)
        output = self._engine.masking if flag(call, "includeOutput") else None
        wanted, found = await self._find(call, limit, functions)
        page = Page(limit=limit)
        if found.after is not None:
            page["hasMore"] = True
            page["cursor"] = cursor(found.after, wanted.time_field)
        return answered(self._engine, [run_view(run, self._registry, output) for run in found.runs], page)

    async def look_up(self, call: Call, limit: int) -> tuple[list[RunRow], str]:
        """Return the same as rows, and the cursor that leads on; "" when nothing is left."""
        wanted, found = await self._find(call, limit)
        return found.runs, "" if found.after is None else cursor(found.after, wanted.time_field)

    async def find(self, call: Call, limit: int) -> tuple[list[RunRow], bool]:
        """Return the runs that a query means, at most *limit* of them, and whether there are more."""
        _, found = await self._find(call, limit)
        return found.runs, found.after is not None

    async def _find(self, call: Call, limit: int, functions: Sequence[str] | None = None) -> tuple[RunFilter, Found]:
        wanted, finer = run_filter(call), finer_statuses(call)
        apps, names = call.all("appId"), call.all("functionId")
        if functions is None and (apps or names):
            functions = self._functions_of(apps, names)
        text = text_filter(self._registry, call.query.get("text", ""))
        wanted = dataclasses.replace(wanted, functions=functions, text=text)
        return wanted, await find_runs(self._engine, wanted, limit, finer)

    def _functions_of(self, apps: Sequence[str], functions: Sequence[str]) -> list[str]:
        """Return the engine's ids of the functions that are meant; also of those that are not registered any more."""
        return [
            one.id
            for one in self._registry.known()
            if (not apps or {self._registry.app_name(one.app_id), one.app_id} & set(apps))
            and (not functions or self.names(one) & set(functions))
        ]

    def names(self, function: Function) -> set[str]:
        """Return what a function may be called."""
        app = self._registry.app_name(function.app_id)
        return {function.id, function.slug, function.slug.removeprefix(f"{app}-")}
