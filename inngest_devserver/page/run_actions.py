"""What is done to one run from its page: again, again from a step, cancelled, a sleep or a wait of it skipped."""

from __future__ import annotations

from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import Call
from inngest_devserver.http.v2.run_actions import RunActions

from . import rendering
from .asking import ask
from .examples import restored
from .forms import form_of
from .json_fields import read_array, read_object


class RunForms:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._actions = RunActions(engine)

    async def rerun(self, call: Call) -> Response:
        """Do a run again; from a step, if the form names one, with the arguments that it gives."""
        form, body = form_of(call), dict[str, Any]()
        if step := form.get("step"):
            given = form.get("input", "").strip()
            body["fromStep"] = {"stepId": step, **({"input": read_array(given, "The input")} if given else {})}
        answer = await ask(self._actions.rerun, call, body=body)
        return rendering.redirect(f"/runs/{answer['data']['runId']}?did=rerun")

    async def cancel(self, call: Call) -> Response:
        form_of(call)
        await ask(self._actions.cancel, call)
        return rendering.redirect(f"/runs/{call.path['run']}?did=cancelled")

    async def skip(self, call: Call) -> Response:
        """End a sleep, or a wait: with the data of an event, if the form gives some."""
        form, body = form_of(call), dict[str, Any]()
        if name := form.get("event"):
            data = read_object(form.get("data", ""), "The data of the event")
            body["event"] = {"name": name, "data": restored(self._engine, data, form.get("like", ""))}
        await ask(self._actions.skip, call, body=body)
        return rendering.redirect(f"/runs/{call.path['run']}?did=skipped")
