"""The pages leave nothing out: names, options, variables, errors, flags, routes, numbers, files."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import pkgutil
import pydoc
import re
from typing import Any

import pydantic

import inngest
from inngest import testing
from inngest_core.config import load_config
from inngest_core.serving.options import ServeOptions
from inngest_devserver.engine import Engine, Options
from inngest_devserver.http.routes import endpoints
from tests.test_rooms import LAYERS

from .numbers import sentences_with_numbers
from .pages import DOCS, PAGES, ROOT, code_in, first_cells, folders_in_the_list_of_files, table_rows, text_of
from .product import Recorder, arguments_in, every_error, help_of, load_every_module, parameters, public


def test_public_names_are_documented() -> None:
    rows = [row for row in table_rows("README.md") if len(row) == 2 and row[0].startswith("`inngest.")]
    listed = {row[0].strip("`").removeprefix("inngest."): row[1] for row in rows}
    assert set(listed) == set(inngest.__all__)
    for name, where in listed.items():
        link = re.search(r"\(([\w\-]+\.md)", where)
        assert link, f"docs/README.md does not say where {name} is explained"
        page = code_in((DOCS / link[1]).read_text(encoding="utf-8"))
        assert re.search(rf"\b{name}\b", page), f"{link[1]} does not explain {name}"


def test_environment_variables_are_documented() -> None:
    asked: set[str] = set()
    for is_production in (None, True, False):
        environ = Recorder()
        load_config(is_production=is_production, environ=environ)
        asked |= environ.asked
    assert {"INNGEST_DEV", "INNGEST_SIGNING_KEY", "BRANCH", "VERCEL"} <= asked
    code = code_in((DOCS / "configuration.md").read_text(encoding="utf-8"))
    assert {name for name in asked if not re.search(rf"\b{name}\b", code)} == set()


def test_variables_that_the_source_names_are_documented() -> None:
    named = {
        name
        for path in ROOT.glob("inngest*/**/*.py")
        for name in re.findall(r"\bINNGEST_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
    }
    assert {"INNGEST_DEV", "INNGEST_EVENT_KEY"} <= named
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name for name in named if not re.search(rf"\b{name}\b", pages)} == set()


def test_errors_are_documented() -> None:
    load_every_module()
    rows = {row[0].strip("`"): row[1:] for row in table_rows("errors.md") if row[0].startswith("`")}
    kinds = list(every_error())
    assert len(kinds) > 20
    for kind in kinds:
        assert kind.__name__ in rows, f"docs/errors.md has no row for {kind.__name__}"
        code, status, retriable, meaning, advice = rows[kind.__name__]
        assert code == f"`{kind.code}`", kind
        assert status == str(kind.status), kind
        assert retriable == ("yes" if kind.retriable else "no"), kind
        assert meaning, kind
        assert advice, kind


def test_command_line_is_documented() -> None:
    commands = re.findall(r"^    (\w+)  ", help_of(), re.MULTILINE)
    code = code_in((DOCS / "command-line.md").read_text(encoding="utf-8"))
    assert len(commands) >= 3
    for name in commands:
        assert f"inngest {name}" in code
        arguments = arguments_in(help_of(name))
        assert arguments, name
        for argument in arguments | arguments_in(help_of()):
            found = re.search(rf"(?<![\w-]){re.escape(argument)}(?![\w-])", code)
            assert found, f"docs/command-line.md leaves out {argument} of {name}"


def test_routes_of_the_engine_are_documented() -> None:
    async def served() -> set[str]:
        engine = Engine(Options(sink=None))
        try:
            return {re.sub(r"{\w+}", "*", endpoint.path) for endpoint in endpoints(engine)}
        finally:
            await engine.stop()

    paths = asyncio.run(served())
    assert "/v1/runs/*" in paths
    pages = code_in(text_of("engine.md") + text_of("engine-api.md") + text_of("page.md"))
    documented = {re.sub(r"<[^>]+>", "*", path) for path in re.findall(r"/[\w/<>.-]*", pages)}
    assert paths - documented == set()


def test_options_are_documented() -> None:
    assert parameters(inngest.Inngest.create_function) - first_cells("functions.md") == set()
    assert parameters(inngest.Inngest.__init__) - first_cells("configuration.md") == set()
    assert ServeOptions.__optional_keys__ - first_cells("configuration.md") == set()
    modules = [importlib.import_module(f"inngest.{each.name}") for each in pkgutil.iter_modules(inngest.__path__)]
    serves = {module.__name__: module.serve for module in modules if hasattr(module, "serve")}
    assert {"inngest.flask", "inngest.django", "inngest.tornado", "inngest.asgi"} <= serves.keys()
    for name, serve in serves.items():
        assert parameters(serve) <= {"app", "client", "functions", "options"}, name


def test_fields_of_options_are_documented() -> None:
    code = code_in(text_of("functions.md"))
    options: dict[str, Any] = {
        name: getattr(inngest, name)
        for name in inngest.__all__
        if getattr(inngest, name).__class__ is type(pydantic.BaseModel)
        and getattr(inngest, name).__module__.startswith("inngest_core.options.")
    }
    assert {"TriggerEvent", "TriggerCron", "Concurrency", "Throttle", "Batch", "Debounce"} <= options.keys()
    for name, option in options.items():
        signature = f"{name}({', '.join(option.model_fields)})"
        assert signature in code, f"docs/functions.md has no {signature}"


def test_names_of_the_official_sdk_are_there() -> None:
    names = {
        name for page in PAGES for name in re.findall(r"\binngest\.experimental[\w.]*\w", code_in(page.read_text()))
    }
    assert {"inngest.experimental.mocked", "inngest.experimental.dev_server.server"} <= names
    assert {name for name in names if pydoc.locate(name) is None} == set()


def test_methods_are_documented() -> None:
    assert {name for name in public(inngest.Step) if f"step.{name}(" not in code_in(text_of("steps.md"))} == set()
    assert public(inngest.Step) == public(inngest.StepSync)
    taken = {name for tool in public(inngest.Step) for name in parameters(getattr(inngest.Step, tool))}
    assert {"step_id", "duration", "if_exp", "function", "timeout", "output_type"} <= taken
    written = "".join(code_in(text_of(page)) for page in ("steps.md", "migrating.md"))
    said_otherwise = {"handler", "handler_args"}  # positional: what is called, and with what
    assert {name for name in taken - said_otherwise if not re.search(rf"\b{name}\b", written)} == set()
    everywhere = "".join(code_in(page.read_text(encoding="utf-8")) for page in PAGES)
    fields = {field.name for field in dataclasses.fields(inngest.Context)}
    assert {"event", "events", "attempt", "run_id", "logger"} <= fields
    assert fields == {field.name for field in dataclasses.fields(inngest.ContextSync)}
    assert {name for name in fields if f"ctx.{name}" not in everywhere} == set()
    groups = public(inngest.Group) | public(inngest.GroupSync)
    assert {name for name in groups if f"ctx.group.{name}(" not in everywhere} == set()
    code = code_in(text_of("middleware.md"))
    assert {name for name in public(inngest.Middleware) if not re.search(rf"\b{name}\b", code)} == set()
    assert public(inngest.Middleware) == public(inngest.MiddlewareSync)
    code = code_in(text_of("configuration.md"))
    client = public(inngest.Inngest).union(*map(public, inngest.Inngest.__mro__[1:-1]))
    assert {name for name in client if not re.search(rf"\b{name}\b", code)} == {"call_flow", "send_flow"}


def test_numbers_are_those_of_the_code() -> None:
    for page, sentences in sentences_with_numbers().items():
        text = " ".join(text_of(page).split())
        assert sentences, page
        assert [sentence for sentence in sentences if sentence not in text] == [], page


def test_the_list_of_files_names_every_file() -> None:
    named = folders_in_the_list_of_files()
    there: dict[str, set[str]] = {}
    for path in ROOT.glob("inngest*/**/*.py"):
        if not path.name.startswith("__") and path.parent.name != "inngest":  # its submodules are named as one
            there.setdefault(str(path.parent.relative_to(ROOT)), set()).add(path.name)
    assert {folder: names for folder, names in named.items() if names} == there


def test_the_list_of_files_names_every_folder() -> None:
    text = text_of("files.md")
    folders = [
        *(path.parent.name for path in ROOT.glob("inngest*/__init__.py")),
        "tests",
        "examples",
        "benchmarks",
        "docs",
    ]
    assert [folder for folder in folders if f"`{folder}/`" not in text] == []


def test_the_architecture_page_shows_the_layers() -> None:
    """As tests/test_rooms.py enforces them, from the top."""
    shown = re.search(r"^```text\n.*inngest_devserver\n((?: .+\n)+)```", text_of("architecture.md"), re.MULTILINE)
    assert shown
    rows = [set(line.strip().split(" · ")) for line in shown[1].splitlines()]
    assert rows == [set(layer) for layer in LAYERS]


def test_the_testing_kit_is_documented() -> None:
    text, code = text_of("testing.md"), code_in(text_of("testing.md"))
    assert {name for name in testing.__all__ if not re.search(rf"\btesting\.{name}\b", text)} == set()
    kinds = (testing.Engine, testing.Sent, testing.Result, testing.StepResult, testing.Steps, testing.Logs)
    members = {name for kind in kinds for name in public(kind)}
    assert {name for name in members if not re.search(rf"\b{name}\b", code)} == set()
    assert {name for name in public(testing.Engine) if f"{name}(" in code} <= public(testing.AsyncEngine)
