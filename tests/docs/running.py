"""Runs the examples of a page.

Every ```python block is executed. The blocks of a page share a namespace, like cells of a notebook. What a reader
does not see is in HTML comments right before a block, or after it:

    <!-- file: app.py -->                       the block is a whole program; it is imported under that name
    <!-- project: shop/views.py -->             the block is a file of the programs that the tests below are run with
    <!-- separate -->                           the block has a namespace of its own
    <!-- test: test_shop.py -->                 the block is a file of tests: it is written to an empty folder with the
                                                programs of the page, and pytest runs it there, without our settings
    <!-- django test: tests.py -->              the same in a Django project, as `INNGEST_DEV=1 python manage.py test`
    <!-- run: fn {"a": 1} -> {"b": 2} -->       an event with that data starts the function; so it ends
    <!-- run: fn {} then x/y {} -> fails E -->  more events, each once nothing else can happen; the name of an error
    <!-- output -->                             the next ```text block is what the blocks printed since the last one
    <!-- console -->                            the next ```text block is what the engine said about the last run

Functions run on the bundled engine, in this process, with a clock that jumps: no server, no socket, no waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import types
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

import inngest
from inngest_core.serving.app import App, collect_apps
from inngest_core.web.messages import HTTPRequest, HTTPResponse, Request
from inngest_devserver.calls.fetcher import HTTPFetcher
from inngest_devserver.engine import Engine, Options
from inngest_devserver.hosting.loading import Kind, kind_of, serve_paths
from inngest_devserver.http import api
from inngest_devserver.http.access import Access
from inngest_devserver.scheduling.clock import ManualClock
from tests.devserver.in_process import ask, at_once
from tests.stage.kit_plugin import PLUGIN_OPTIONS
from tests.targets import django_site  # noqa: F401  # pyright: ignore[reportUnusedImport]  # Django page needs it

from .pages import ROOT, Block, read_blocks

AnyFunction = inngest.Function[Any]

APP_ORIGIN = "http://127.0.0.1:5000"
QUIET_TURNS = 20
"""So many turns of the loop, without a call under way, show that the engine waits for the clock."""
MOST_JUMPS = 200
DJANGO_SETTINGS = """
SECRET_KEY = "tests"
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = []
USE_TZ = True
"""


def outside(request: httpx.Request) -> httpx.Response:
    """Answer what a page fetches from the world."""
    answers: dict[tuple[str, str], tuple[int, str]] = {
        ("GET", "/people/1"): (200, '{"name": "Ada"}'),
        ("PATCH", "/people/1"): (204, ""),
        ("GET", "/report"): (200, "ready"),
        ("POST", "/login"): (200, '{"token": "t-1"}'),
    }
    assert request.url.host == "api.example.com", f"{request.url}: there is no network here"
    status, text = answers[request.method, request.url.path]
    return httpx.Response(status, stream=httpx.ByteStream(text.encode()))


class Stage:
    """The bundled engine with the apps of a page, in this process; time passes when nothing else happens."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.lines: list[str] = []
        self.clock = ManualClock()
        self._names = names
        self._under_way = 0
        self._loop = asyncio.get_running_loop()
        self.engine = Engine(
            Options(
                clock=self.clock,
                sink=self.lines.append,
                transport=httpx.MockTransport(self._call_app),
                fetcher=HTTPFetcher(httpx.MockTransport(outside)),
            )
        )
        self._api = api.API(self.engine, Access(hosts=None))
        self._urls: dict[str, httpx.AsyncBaseTransport] = {}

    async def to_engine(self, request: HTTPRequest) -> HTTPResponse:
        """Answer what an app asks the engine, whatever thread and loop it is on."""

        async def answer() -> HTTPResponse:
            response = await ask(self._api, Request(request.method, request.url, request.headers, request.body))
            return HTTPResponse(response.status, response.headers, response.content)

        if "://api.example.com" in request.url:
            response = outside(httpx.Request(request.method, request.url))
            return HTTPResponse(response.status_code, dict(response.headers), response.read(), request.url)
        if asyncio.get_running_loop() is self._loop:
            return await answer()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(), self._loop))

    def to_engine_sync(self, request: HTTPRequest) -> HTTPResponse:
        return asyncio.run_coroutine_threadsafe(self.to_engine(request), self._loop).result()

    async def _call_app(self, request: httpx.Request) -> httpx.Response:
        self._under_way += 1
        try:
            return await self._app_at(str(request.url)).handle_async_request(request)
        finally:
            self._under_way -= 1

    def _app_at(self, url: str) -> httpx.AsyncBaseTransport:
        path = urllib.parse.urlsplit(url).path
        if path not in self._urls:
            app = self._names["app"]
            self._urls[path] = WSGI(app) if kind_of(app) is Kind.WSGI else httpx.ASGITransport(app)
        return self._urls[path]

    async def register(self, served: list[App], asked: AnyFunction) -> None:
        """Have every client register its functions, through the page's own app if there is one.

        Other examples of the page that the same event would start are left out.
        """
        functions: list[AnyFunction] = [value for value in self._values() if isinstance(value, inngest.Function)]
        clients = {id(value): value for value in self._values() if isinstance(value, inngest.Inngest)}
        for number, client in enumerate(clients.values()):
            core = next((app for app in served if app.client is client), None)
            if core is not None and "app" in self._names:
                await self._register_first([APP_ORIGIN + at for at in serve_paths(self._names["app"], core.serve_path)])
                continue
            own = {
                fn.id: fn
                for fn in functions
                if fn.id.startswith(f"{client.app_id}-")
                and (fn is asked or not any(trigger in asked.triggers for trigger in fn.triggers))
            }
            if own:
                path = f"/client{number}"
                self._urls[path] = Core(App(client, list(own.values()), framework="docs"))
                await self._register_first([APP_ORIGIN + path])

    def _values(self) -> list[Any]:
        return list(self._names.values())

    async def _register_first(self, urls: list[str]) -> None:
        for url in urls:
            response = await self._call_app(httpx.Request("PUT", url))
            if "x-inngest-sdk" in response.headers:
                content = await response.aread()
                assert response.status_code == 200, content
                return
        raise AssertionError(f"nothing serves functions at {urls}")

    async def run(self, function: AnyFunction, data: object, then: list[tuple[str, object]]) -> dict[str, Any]:
        """Start a function, let all runs end, and return its run as the engine's API shows it."""
        trigger = next((each for each in function.triggers if isinstance(each, inngest.TriggerEvent)), None)
        if trigger is not None:
            event_id = self._ask("POST", "/e/docs", {"name": trigger.event, "data": data})["ids"][0]
        else:
            event_id = self._ask("POST", f"/invoke/{function.id}", {"data": data})["id"]
        for name, more in then:
            await self._until_idle()
            self._ask("POST", "/e/docs", {"name": name, "data": more})
        await self._until_all_ended()
        internal_id = next(one.id for one in self.engine.registry.functions() if one.slug == function.id)
        runs = self._ask("GET", f"/v1/events/{event_id}/runs")["data"]
        return next(run for run in runs if run["function_id"] == internal_id)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        asked = Request(method, f"http://engine{path}", {}, json.dumps(body).encode())
        response = at_once(ask(self._api, asked))
        assert response.status == 200, response.body
        return json.loads(response.content)

    async def _until_idle(self) -> None:
        turns = 0
        while turns < QUIET_TURNS:
            await asyncio.sleep(0.001 if self._under_way else 0)
            turns = 0 if self._under_way else turns + 1

    async def _until_all_ended(self) -> None:
        for _ in range(MOST_JUMPS):
            await self._until_idle()
            due = self.clock.next_wake()
            if not len(self.engine.active):
                return
            assert due is not None, "a run waits for something that never comes"
            self.clock.advance(due - self.clock.now())
        raise AssertionError("runs do not end: " + "\n".join(self.lines))


class Core(httpx.AsyncBaseTransport):
    """Asks an App without any framework."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = Request(request.method, str(request.url), dict(request.headers), await request.aread())
        response = await self._app.handle_async(asked)
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body)


class WSGI(httpx.AsyncBaseTransport):
    """Asks a WSGI app, in a thread as its server would."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.WSGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        given = httpx.Request(request.method, request.url, headers=request.headers, content=await request.aread())

        def ask() -> httpx.Response:
            response = self._inner.handle_request(given)
            return httpx.Response(response.status_code, headers=response.headers, content=response.read())

        return await asyncio.to_thread(ask)


class Network:
    """Is the network while a page runs: the engine of the stage, else an event API that takes everything."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self._sent = 0

    def fetch(self, request: HTTPRequest) -> HTTPResponse:
        return self._take_events(request) if self.stage is None else self.stage.to_engine_sync(request)

    async def fetch_async(self, request: HTTPRequest) -> HTTPResponse:
        return self._take_events(request) if self.stage is None else await self.stage.to_engine(request)

    def _take_events(self, request: HTTPRequest) -> HTTPResponse:
        assert "/e/" in request.url, f"{request.method} {request.url}: there is no network here"
        events = json.loads(request.body)
        ids = [f"01EVENT{self._sent + number:019d}" for number in range(1, len(events) + 1)]
        self._sent += len(events)
        return HTTPResponse(200, {}, json.dumps({"ids": ids, "status": 200}).encode())


class Page:
    """One page while its blocks are run."""

    def __init__(self, page: Path, network: Network, patch: pytest.MonkeyPatch) -> None:
        self._page = page
        self._network = network
        self._patch = patch
        self._name = f"docs_{page.stem.lower().replace('-', '_')}"
        self._shared = self._names = self._new_module(self._name)
        self._printed = io.StringIO()
        self._console: list[str] = []
        self._modules: list[types.ModuleType] = []
        self._files: dict[str, str] = {}
        self._tests: dict[str, str] = {}

    def run(self) -> None:
        served: list[App] = []
        try:
            with collect_apps() as served, contextlib.redirect_stdout(self._printed):
                for block in read_blocks(self._page):
                    self._run_marks(block, served)
                    name = next((mark[9:] for mark in block.marks if mark.startswith("project: ")), None)
                    if name is not None:
                        self._files[name] = block.text
                    elif any(mark.startswith("test: ") for mark in block.marks):
                        name = next(mark[6:] for mark in block.marks if mark.startswith("test: "))
                        assert name not in self._tests, f"{self._page.name} has two files {name}"
                        self._tests[name] = block.text
                    elif any("test: " in mark for mark in block.marks):
                        self._test_django(block)
                    elif block.language == "python":
                        self._execute(block)
                    elif block.language == "text":
                        self._compare(block)
            if self._tests:  # all in one process: it takes a second to start
                command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGIN_OPTIONS, *self._tests]
                self._run_beside(self._tests, command)
        finally:
            for module in self._modules:
                for value in vars(module).values():
                    if isinstance(value, inngest.Inngest):
                        value.close()

    def _new_module(self, name: str) -> dict[str, Any]:
        module = types.ModuleType(name)
        self._modules = [*getattr(self, "_modules", []), module]
        self._patch.setitem(sys.modules, name, module)
        return vars(module)

    def _execute(self, block: Block) -> None:
        file = next((mark[6:] for mark in block.marks if mark.startswith("file: ")), None)
        self._names = self._shared
        if file is not None:
            self._files[file] = block.text
            self._names = self._new_module(file.removesuffix(".py"))
        elif "separate" in block.marks:
            self._names = self._new_module(f"{self._name}_{block.line}")
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, str(self._page), "exec", dont_inherit=True), self._names)  # noqa: S102 - the point of this module

    def _test_django(self, block: Block) -> None:
        name = next(mark.removeprefix("django test: ") for mark in block.marks if "test: " in mark)
        self._files["settings.py"] = DJANGO_SETTINGS + self._files.get("settings.py", "")
        environ = {"DJANGO_SETTINGS_MODULE": "settings", "INNGEST_DEV": "1"}
        self._run_beside({name: block.text}, ["-m", "django", "test"], environ)

    def _run_beside(self, tests: Mapping[str, str], command: list[str], more: Mapping[str, str] | None = None) -> None:
        """Run files of tests beside the programs of the page, as a reader does who has copied them."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("INNGEST_", "PYTEST_"))}
        with tempfile.TemporaryDirectory() as folder:
            for file, text in {**self._files, **tests}.items():
                path = Path(folder) / file
                if path.parent != Path(folder):
                    path.parent.mkdir(exist_ok=True)
                    (path.parent / "__init__.py").touch()
                path.write_text(text, encoding="utf-8")
            environ |= {"PYTHONPATH": os.pathsep.join([folder, str(ROOT)]), **(more or {})}
            done = subprocess.run(
                [sys.executable, *command], cwd=folder, env=environ, capture_output=True, text=True, timeout=150
            )
        assert "Ran 0 tests" not in done.stderr, self._page.name
        assert done.returncode == 0, f"{self._page.name}\n{done.stdout}\n{done.stderr}"

    def _compare(self, block: Block) -> None:
        where = f"{self._page.name}:{block.line}"
        if "output" in block.marks:
            assert self._printed.getvalue() == block.text, where
            self._printed.seek(0)
            self._printed.truncate()
        if "console" in block.marks:
            assert _timeless(self._console) == _timeless(block.text.splitlines()), where

    def _run_marks(self, block: Block, served: list[App]) -> None:
        for mark in block.marks:
            if mark.startswith("run: "):
                self._run_function(mark[5:], served)

    def _run_function(self, mark: str, served: list[App]) -> None:
        asked, _, expected = mark.rpartition(" -> ")
        started, *rest = asked.split(" then ")
        name, _, data = started.partition(" ")
        then = [(event, json.loads(more)) for event, _, more in (each.partition(" ") for each in rest)]
        run = asyncio.run(self._play(name, json.loads(data), then, served))
        if expected.startswith("fails "):
            error: dict[str, Any] = run["output"] or {}
            assert (run["status"], error.get("name")) == ("Failed", expected[6:]), (mark, run)
        else:
            assert (run["status"], run["output"]) == ("Completed", json.loads(expected)), (mark, run, self._console)

    async def _play(self, name: str, data: object, then: list[tuple[str, object]], served: list[App]) -> dict[str, Any]:
        stage = Stage(self._names)
        self._network.stage = stage
        stage.engine.start()
        try:
            assert isinstance(self._names[name], inngest.Function), f"{name} is not a function"
            function = cast("AnyFunction", self._names[name])
            await stage.register(served, function)
            return await stage.run(function, data, then)
        finally:
            self._console = stage.lines
            self._network.stage = None
            await stage.engine.stop()


def _timeless(lines: list[str]) -> list[str]:
    """Return the lines about runs, without times and ids, which differ from run to run."""
    found = [re.sub(r"^\d\d:\d\d:\d\d\.\d{3} ", "", line) for line in lines if re.match(r"\d\d:\d\d:", line)]
    found = [line for line in found if not line.startswith("app ")]
    return [re.sub(r" \[\w{6}\]| \([\d.]+ m?s\)", "", line) for line in found]
