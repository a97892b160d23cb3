"""Apps and their functions: what starts each, its options in words, its last runs; and the form that invokes it."""

from __future__ import annotations

from dataclasses import dataclass

from inngest_core.web.messages import Response
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.options_text import options_in_words, triggers_in_words
from inngest_devserver.calls.requests import without_password
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call
from inngest_devserver.http.v2.routes import V2Routes
from inngest_devserver.storage.run_pages import RunFilter, run_page
from inngest_devserver.storage.tables import AppRow

from . import json_text, rendering
from .asking import ask
from .examples import Example, example_of, restored
from .forms import form_of
from .json_fields import read_object
from .notes import note_of
from .run_list import RunLine, line_of

_LATEST = 10


@dataclass(frozen=True, slots=True)
class FunctionLine:
    """A function in one line. last: its latest run."""

    slug: str
    name: str
    triggers: str
    options: list[str]
    last: RunLine | None


@dataclass(frozen=True, slots=True)
class AppView:
    """An app. url: without a password."""

    row: AppRow
    url: str
    is_worker: bool
    functions: list[FunctionLine]


class FunctionPages:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._api = V2Routes(engine)

    def index(self, call: Call) -> Response:
        registry = self._engine.registry
        apps = [
            AppView(
                app, without_password(app.url), _is_worker(app), [self._line(one) for one in registry.functions(app.id)]
            )
            for app in sorted(registry.apps(), key=lambda app: app.name)
        ]
        return rendering.page("functions.html", apps=apps, note=note_of(call), has_apps=bool(apps), example_event="")

    def _line(self, function: Function) -> FunctionLine:
        last = self._runs(function, 1)
        return FunctionLine(
            function.slug,
            function.name,
            triggers_in_words(function.config),
            options_in_words(function.config),
            last[0] if last else None,
        )

    def _runs(self, function: Function, limit: int) -> list[RunLine]:
        found = run_page(self._engine.store.database, RunFilter(functions=[function.id]), limit)
        return [line_of(self._engine, row) for row in found]

    def show(self, call: Call) -> Response:
        return self._show(self._function(call), note=note_of(call))

    def _show(self, function: Function, *, note: str = "", wrong: str = "", data: str = "", like: str = "") -> Response:
        registry, example = self._engine.registry, self._example(function)
        app = registry.app(function.app_id)
        return rendering.page(
            "function.html",
            400 if wrong else 200,
            function=self._line(function),
            app_name=registry.app_name(function.app_id),
            app_url="" if app is None else without_password(app.url),
            is_registered=registry.by_slug(function.slug) is not None,
            config=json_text.pretty(self._engine.masking.mask(dict(function.config))),
            lines=self._runs(function, _LATEST),
            data=data or json_text.pretty(example.data),
            source="" if data else example.source,
            schema=example.schema,
            like=like if data else example.like,
            wrong=wrong,
            note=note,
        )

    def _example(self, function: Function) -> Example:
        name = next((one.event for one in function.triggers if one.event and "*" not in one.event), "")
        return example_of(self._engine, name)

    async def invoke(self, call: Call) -> Response:
        """Invoke a function with the data of the form; lead to its run."""
        function, form = self._function(call), form_of(call)
        text, like = form.get("data", ""), form.get("like", "")
        app = self._engine.registry.app_name(function.app_id)
        try:
            body = {"data": restored(self._engine, read_object(text, "The data"), like)}
            answer = await ask(self._api.invoke, call, body=body, path={"app": app, "function": function.slug})
        except APIError as error:
            if error.status not in (400, 409):
                raise
            return self._show(function, wrong=error.message, data=text, like=like)
        return rendering.redirect(f"/runs/{answer['data']['runId']}?did=invoked")

    def _function(self, call: Call) -> Function:
        slug = call.path["function"]
        registry = self._engine.registry
        function = registry.by_slug(slug) or next((one for one in registry.known() if one.slug == slug), None)
        if function is None:
            raise APIError(404, f"There is no function {slug} here.")
        return function


def _is_worker(app: AppRow) -> bool:
    return app.url.startswith(("ws:", "wss:"))
