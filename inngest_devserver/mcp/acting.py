"""The tools that change something: they send, invoke, repeat and cancel. They are there with --allow-writes only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, cast
from urllib.parse import quote

from pydantic import Field

from inngest_devserver.json_parts import mapping, mappings
from inngest_devserver.run_text import has_ended

from .asking import Asking, RefusedError
from .looking import FunctionId, Looking, RunId

Data = Annotated[dict[str, Any], Field(description="the data of the event, a JSON object")]
Wait = Annotated[float, Field(ge=0, le=60, description="seconds to wait for the end of the run")]
_PAUSE_SECONDS = 0.1


class Acting:
    """asking: the engine that is told to. looking: how what came of it is shown."""

    def __init__(self, asking: Asking, looking: Looking) -> None:
        self._asking = asking
        self._looking = looking

    async def send_event(
        self, name: Annotated[str, Field(description="such as shop/order.placed")], data: Data, wait: Wait = 10
    ) -> str:
        """Send an event, and explain the runs that it starts."""
        key = quote(self._asking.event_key, safe="")
        answer = await self._asking.ask("POST", f"/e/{key}", body={"name": name, "data": data})
        ids = [str(each) for each in cast("list[object]", answer.get("ids") or [])]
        if not ids:
            raise RefusedError("the engine accepted no event")
        runs = await self._runs_of(ids[0], wait)
        told = [await self._looking.explain_run(run_id) for run_id in runs]
        return "\n\n".join([f"sent {name}: event {ids[0]}", *(told or ["it has started no run"])])

    async def _runs_of(self, event: str, wait: float) -> list[str]:
        """Return the runs of an event once all have ended, or when the time is over."""
        left = _patience(wait)
        while True:
            runs = mappings(await self._asking.get(f"/api/v2/events/{quote(event, safe='')}/runs"))
            if (runs and all(has_ended(run) for run in runs)) or not left():
                return [str(run["id"]) for run in runs]
            await asyncio.sleep(_PAUSE_SECONDS)

    async def invoke_function(self, function: FunctionId, data: Data, wait: Wait = 30) -> str:
        """Run a function with the given data, whatever its triggers are, and explain the run."""
        known = await self._looking.list_functions()
        found = [one for one in known if function in (one["id"], one["id"].removeprefix(f"{one['app']}-"))]
        if len(found) != 1:
            names = ", ".join(str(one["id"]) for one in known) or "there are none"
            raise RefusedError(f"no single function is called {function!r}; the functions: {names}")
        app, name = str(found[0]["app"]), str(found[0]["id"])
        path = f"/api/v2/apps/{quote(app, safe='')}/functions/{quote(name.removeprefix(f'{app}-'), safe='')}/invoke"
        return await self._explained(await self._asking.post(path, {"data": data}), wait)

    async def rerun(
        self,
        run_id: RunId,
        from_step: Annotated[str, Field(description="keep what was done before this step; empty for all again")] = "",
        arguments: Annotated[list[Any] | None, Field(description="other arguments for that step")] = None,
        wait: Wait = 30,
    ) -> str:
        """Do a run again with the same events, all of it or from one step, and explain the new run."""
        body: dict[str, Any] = {}
        if from_step:
            body = {"fromStep": {"stepId": from_step, **({} if arguments is None else {"input": arguments})}}
        elif arguments is not None:
            raise RefusedError("arguments are those of a step; say which with from_step")
        return await self._explained(
            await self._asking.post(f"/api/v2/runs/{quote(run_id, safe='')}/rerun", body), wait
        )

    async def cancel_run(self, run_id: RunId) -> str:
        """Cancel a run that has not ended."""
        await self._asking.post(f"/api/v2/runs/{quote(run_id, safe='')}/cancel", {})
        return f"cancelled {run_id}"

    async def _explained(self, started: Any, wait: float) -> str:
        run_id = str(mapping(started).get("runId") or "")
        if not run_id:
            raise RefusedError("the engine started no run")
        left = _patience(wait)
        while not has_ended(await self._looking.run(run_id)) and left():
            await asyncio.sleep(_PAUSE_SECONDS)
        return await self._looking.explain_run(run_id)


def _patience(seconds: float) -> Callable[[], bool]:
    """Return what tells whether there is time left."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    return lambda: loop.time() < end
