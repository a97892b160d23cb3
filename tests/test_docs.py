"""The README and the pages in docs/: their examples run, their links lead somewhere, and they leave nothing out.

Every ```python block is executed. The blocks of a page share a namespace, like cells of a notebook. What a reader
does not see stands in HTML comments right before a block, or after it:

    <!-- file: app.py -->                       the block is a whole program; it is imported under that name
    <!-- separate -->                           the block has a namespace of its own
    <!-- run: fn {"a": 1} -> {"b": 2} -->       an event with that data starts the function; so it ends
    <!-- run: fn {} then x/y {} -> fails E -->  more events, each once nothing else can happen; the name of an error
    <!-- output -->                             the next ```text block is what the blocks printed since the last one
    <!-- console -->                            the next ```text block is what the engine said about the last run

Functions run on the embedded engine, in this process, with a clock that jumps: no server, no socket, no waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import inspect
import io
import json
import re
import socket
import sys
import types
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pydantic
import pytest

import inngest
import inngest.fast_api
import inngest.flask
import inngest.starlette
from inngest_cli import main as cli
from inngest_core import errors
from inngest_core.app import BODY_CAP, App, collect_apps
from inngest_core.bodies import SETTLE_TURNS, UNWIND_SECONDS
from inngest_core.config import load_config
from inngest_core.drivers import HELD_LOOP_SECONDS
from inngest_core.events import MAX_EVENTS
from inngest_core.execution import SEARCH_SECONDS
from inngest_core.failure import LONGEST_TEXT
from inngest_core.http import HTTPRequest, HTTPResponse, Request
from inngest_core.serializer import LARGEST_EVENT, LARGEST_RESPONSE, LARGEST_STEP
from inngest_core.signing import CANONICAL_CAP, WINDOW_SECONDS
from inngest_core.transport import Transport
from inngest_devserver import api
from inngest_devserver.app_servers import WSGI_THREADS
from inngest_devserver.clock import ManualClock
from inngest_devserver.engine import Engine, Options
from inngest_devserver.executor import MOST_STATE, MOST_STEPS
from inngest_devserver.loading import Kind, kind_of, serve_paths
from tests.targets import django_site  # noqa: F401  # pyright: ignore[reportUnusedImport]  # Django page needs it

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

AnyFunction = inngest.Function[Any]

APP_ORIGIN = "http://127.0.0.1:5000"
QUIET_TURNS = 20
"""So many turns of the loop, without a call under way, show that the engine waits for the clock."""
MOST_JUMPS = 200


# --- reading pages


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. line: of its first line of content. marks: the comments since the block before it."""

    language: str
    text: str
    line: int
    marks: tuple[str, ...]


def read_blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, and last an empty one that holds the marks after them."""
    blocks: list[Block] = []
    marks: list[str] = []
    language: str | None = None
    content: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            if language is None:
                language, content = line[3:].strip(), []
            else:
                blocks.append(Block(language, "\n".join(content) + "\n", number - len(content), tuple(marks)))
                language, marks = None, []
        elif language is not None:
            content.append(line)
        elif mark := re.fullmatch(r"<!-- (.+) -->", line):
            marks.append(mark[1])
    assert language is None, f"{page}: a block is not closed"
    return [*blocks, Block("", "", 0, tuple(marks))]


def code_in(text: str) -> str:
    """Return what a page sets as code, in blocks and within sentences."""
    blocks = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", rest)])


def table_rows(page: str) -> Iterator[list[str]]:
    """Yield the cells of each row of each table."""
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


# --- running functions


class Stage:
    """The embedded engine with the apps of a page, in this process; time passes when nothing else happens."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.lines: list[str] = []
        self.clock = ManualClock()
        self._names = names
        self._under_way = 0
        self._loop = asyncio.get_running_loop()
        self.engine = Engine(
            Options(clock=self.clock, sink=self.lines.append, transport=httpx.MockTransport(self._call_app))
        )
        self._api = api.API(self.engine, any_host=True)
        self._urls: dict[str, httpx.AsyncBaseTransport] = {}

    async def to_engine(self, request: HTTPRequest) -> HTTPResponse:
        """Answer what an app asks the engine, whatever thread and loop it is on."""

        async def answer() -> HTTPResponse:
            response = self._api.handle(Request(request.method, request.url, request.headers, request.body))
            return HTTPResponse(response.status, response.headers, response.body)

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
        response = self._api.handle(Request(method, f"http://engine{path}", {}, json.dumps(body).encode()))
        assert response.status == 200, response.body
        return json.loads(response.body)

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
    """Stands in for the network while a page runs: the engine of the stage, else an event API that takes everything."""

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

    def run(self) -> None:
        served: list[App] = []
        try:
            with collect_apps() as served, contextlib.redirect_stdout(self._printed):
                for block in read_blocks(self._page):
                    self._run_marks(block, served)
                    if block.language == "python":
                        self._execute(block)
                    elif block.language == "text":
                        self._compare(block)
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
            self._names = self._new_module(file.removesuffix(".py"))
        elif "separate" in block.marks:
            self._names = self._new_module(f"{self._name}_{block.line}")
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, str(self._page), "exec", dont_inherit=True), self._names)  # noqa: S102 - the point of this module

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
            assert isinstance(self._names[name], inngest.Function), f"{name} is no function"
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


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()

    def refuse(*_: object) -> None:
        raise AssertionError("examples in the docs must not use the network")

    monkeypatch.setenv("INNGEST_DEV", "1")  # as `inngest dev` does
    monkeypatch.setattr(socket.socket, "connect", refuse)

    def fetch(_: Transport, request: HTTPRequest) -> HTTPResponse:
        return network.fetch(request)

    async def fetch_async(_: Transport, request: HTTPRequest) -> HTTPResponse:
        return await network.fetch_async(request)

    monkeypatch.setattr(Transport, "fetch", fetch)
    monkeypatch.setattr(Transport, "fetch_async", fetch_async)
    return network


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_examples_run(page: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    Page(page, network, monkeypatch).run()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_marks_are_known(page: Path) -> None:
    for block in read_blocks(page):
        assert block.language in ("", "python", "console", "text", "json", "http"), (page.name, block.line)
        for mark in block.marks:
            assert re.match(r"(file|run): |(separate|output|console)$", mark), (page.name, mark)
            if mark in ("output", "console"):
                assert block.language == "text", (page.name, mark)


# --- links


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_resolve(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"(?<!\!)\[[^\]]+\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{page.name} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(found), f"{page.name} links to {target}; there are {anchors(found)}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_is_linked_from_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        if page.name != "README.md":
            assert f"({page.name})" in index, f"docs/README.md does not link to {page.name}"


# --- completeness


def test_public_names_are_documented() -> None:
    rows = [row for row in table_rows("README.md") if len(row) == 2 and row[0].startswith("`inngest.")]
    listed = {row[0].strip("`").removeprefix("inngest."): row[1] for row in rows}
    assert set(listed) == set(inngest.__all__)
    for name, where in listed.items():
        link = re.search(r"\(([\w\-]+\.md)", where)
        assert link, f"docs/README.md does not say where {name} is explained"
        page = code_in((DOCS / link[1]).read_text(encoding="utf-8"))
        assert re.search(rf"\b{name}\b", page), f"{link[1]} does not explain {name}"


class Recorder(dict[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return self[key] if key in self else default  # noqa: SIM401 - this is `get`


def test_environment_variables_are_documented() -> None:
    asked: set[str] = set()
    for is_production in (None, True, False):
        environ = Recorder()
        load_config(is_production=is_production, environ=environ)
        asked |= environ.asked
    assert {"INNGEST_DEV", "INNGEST_SIGNING_KEY", "BRANCH", "VERCEL"} <= asked
    code = code_in((DOCS / "configuration.md").read_text(encoding="utf-8"))
    assert {name for name in asked if not re.search(rf"\b{name}\b", code)} == set()


def every_error(base: type[errors.InngestError] = errors.InngestError) -> Iterator[type[errors.InngestError]]:
    yield base
    for kind in base.__subclasses__():
        yield from every_error(kind)


def test_errors_are_documented() -> None:
    rows = {row[0].strip("`"): row[1:] for row in table_rows("errors.md") if row[0].startswith("`")}
    for kind in every_error():
        if kind.__module__ != errors.__name__:
            continue
        assert kind.__name__ in rows, f"docs/errors.md has no row for {kind.__name__}"
        code, status, retriable, meaning, advice = rows[kind.__name__]
        assert code == f"`{kind.code}`", kind
        assert status == str(kind.status), kind
        assert retriable == ("yes" if kind.retriable else "no"), kind
        assert meaning, kind
        assert advice, kind


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    choices: list[Any] = [cast("Any", action.choices) for action in parser._actions]
    return {} if not isinstance(choices[-1], dict) else cast("dict[str, argparse.ArgumentParser]", choices[-1])


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the names of options, and what stands for the others."""
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction) and not isinstance(action.choices, dict):
            yield from action.option_strings or [str(action.metavar)]


def test_command_line_is_documented() -> None:
    parser = cli._parser()
    code = code_in((DOCS / "engine.md").read_text(encoding="utf-8"))
    assert len(commands_of(parser)) >= 3
    for name, command in commands_of(parser).items():
        assert f"inngest {name}" in code
        for argument in [*arguments_of(parser), *arguments_of(command)]:
            found = re.search(rf"(?<![\w-]){re.escape(argument)}(?![\w-])", code)
            assert found, f"docs/engine.md leaves out {argument} of {name}"


def test_routes_of_the_engine_are_documented() -> None:
    source = inspect.getsource(api.API._make_routes)
    paths = set(re.findall(r'"(/[\w/*]+)"', source))
    assert "/v1/runs/*" in paths
    documented = {re.sub(r"<[^>]+>", "*", path) for path in re.findall(r"/[\w/<>]+", code_in(text_of("engine.md")))}
    assert paths - documented == set()


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def first_cells(page: str) -> set[str]:
    """Return what stands as code in the first cells of the tables of a page."""
    return {code for row in table_rows(page) for code in re.findall(r"`([^`]+)`", row[0])}


def parameters(callable_: Any) -> set[str]:
    return set(inspect.signature(callable_).parameters) - {"self"}


def test_options_are_documented() -> None:
    assert parameters(inngest.Inngest.create_function) - first_cells("functions.md") == set()
    assert parameters(inngest.Inngest.__init__) - first_cells("configuration.md") == set()
    for serve in (inngest.flask.serve, inngest.starlette.serve, inngest.fast_api.serve):
        assert parameters(serve) - {"app", "client", "functions"} - first_cells("configuration.md") == set()


def test_fields_of_options_are_documented() -> None:
    code = code_in(text_of("functions.md"))
    for name in inngest.__all__:
        option: Any = getattr(inngest, name)
        if option.__class__ is type(pydantic.BaseModel) and option.__module__ == "inngest_core.options":
            signature = f"{name}({', '.join(option.model_fields)})"
            assert signature in code, f"docs/functions.md has no {signature}"


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_methods_are_documented() -> None:
    assert {name for name in public(inngest.Step) if f"step.{name}(" not in code_in(text_of("steps.md"))} == set()
    assert public(inngest.Step) == public(inngest.StepSync)
    code = code_in(text_of("middleware.md"))
    assert {name for name in public(inngest.Middleware) if not re.search(rf"\b{name}\b", code)} == set()
    assert public(inngest.Middleware) == public(inngest.MiddlewareSync)
    code = code_in(text_of("configuration.md"))
    assert {name for name in public(inngest.Inngest) if not re.search(rf"\b{name}\b", code)} == {"send_flow"}


def test_numbers_are_those_of_the_code() -> None:
    WORDS = {10: "ten"}
    mib = 1024 * 1024
    expected = {
        "architecture.md": [f"{WORDS[SETTLE_TURNS]} turns", f"gives up after {SEARCH_SECONDS:.0f} seconds"],
        "engine.md": [f"Up to {Options().concurrency} call requests", f"with {WSGI_THREADS}\nthreads"],
        "errors.md": [
            f"cut after {LONGEST_TEXT:,} characters",
            f"over {BODY_CAP // mib} MiB",
            f"longer than {UNWIND_SECONDS:.0f} seconds",
        ],
        "events.md": [f"More than {MAX_EVENTS:,} events, or more than {LARGEST_EVENT // mib} MiB"],
        "security.md": [f"more than {WINDOW_SECONDS} seconds old", f"at most {CANONICAL_CAP // 1024} KiB"],
        "starlette.md": [f"than {HELD_LOOP_SECONDS * 1000:.0f} ms", f"limit here is {BODY_CAP // mib} MiB"],
        "steps.md": [
            f"takes {LARGEST_STEP // mib} MiB as the result of one step",
            f"{LARGEST_RESPONSE // mib} MiB as the result of a",
            f"{MOST_STEPS:,} steps in one run",
            f"{MOST_STATE // mib} MiB in one run",
        ],
    }
    for page, sentences in expected.items():
        assert [sentence for sentence in sentences if sentence not in text_of(page)] == [], page
        assert sentences, page


def test_files_in_the_architecture_page_are_there() -> None:
    for package in ("inngest_core", "inngest_devserver"):
        cells = [row[0] for row in table_rows("architecture.md") if row[0].startswith(f"`{package}/")]
        listed = {name for cell in cells for name in re.findall(r"(\w+\.py)`", cell)}
        assert len(listed) > 20
        assert {name for name in listed if not (ROOT / package / name).exists()} == set()
