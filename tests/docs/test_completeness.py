"""The pages leave nothing out: names, options, variables, errors, flags, routes, numbers, files."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import io
import pkgutil
import pydoc
import re
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

import inngest
import inngest_cli
import inngest_core
import inngest_devserver
from inngest_cli import main as cli
from inngest_core import errors
from inngest_core.client import DEFAULT_TIMEOUT_MS
from inngest_core.config import load_config
from inngest_core.error_text import LONGEST_MESSAGE, LONGEST_NAME, MOST_MEMBERS, SHORT_MESSAGE
from inngest_core.execution.async_execution import SEARCH_SECONDS
from inngest_core.execution.failure import LONGEST_CAUSE_CHAIN, LONGEST_STACK
from inngest_core.protocol.limits import (
    MAX_CANCEL,
    MAX_CANONICAL_BYTES,
    MAX_CONCURRENCY,
    MAX_EVENT_BYTES,
    MAX_EVENT_NAME,
    MAX_EVENTS,
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    MAX_RETRIES,
    MAX_STATE_ANSWER_BYTES,
    MAX_STATE_BYTES,
    MAX_STEP_BYTES,
    MAX_STEPS,
    MAX_TRIGGER_NAME,
    MAX_TRIGGERS,
    MAX_URL,
    MAX_WAIT_SECONDS,
    SIGNATURE_WINDOW_SECONDS,
)
from inngest_core.runtime.async_body import SETTLE_TURNS, UNWIND_SECONDS
from inngest_core.runtime.drivers import HELD_LOOP_SECONDS
from inngest_core.runtime.pool import DEFAULT_SIZE as POOL_SIZE
from inngest_core.serving.options import ServeOptions
from inngest_core.web.messages import MAX_DRAINED, HTTPRequest
from inngest_devserver.engine import Options
from inngest_devserver.hosting.app_servers import WSGI_THREADS
from inngest_devserver.http import api
from tests.test_rooms import LAYERS

from .pages import DOCS, PAGES, ROOT, code_in, table_rows


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
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


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


def every_error(base: type[errors.InngestError] = errors.InngestError) -> Iterator[type[errors.InngestError]]:
    """Yield the errors of the product, whichever of its modules defines them."""
    if base.__module__.startswith("inngest"):
        yield base
    for kind in base.__subclasses__():
        yield from every_error(kind)


def load_every_module() -> None:
    """Import all of the packages that can have errors of their own: a class that nobody imported is not found."""
    for package in (inngest_core, inngest_devserver, inngest_cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


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


def help_of(*command: str) -> str:
    """Return what `inngest … --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


def arguments_in(text: str) -> set[str]:
    """Return the names of options in a help text, and what stands for the other arguments."""
    lines = re.findall(r"^  (\S.*?)(?:  |$)", text.partition("\n\n")[2], re.MULTILINE)
    options = {name for line in lines if line.startswith("-") for name in re.findall(r"(?<!\S)--?[\w-]+", line)}
    others = {line for line in lines if not line.startswith("-") and line != "COMMAND"}
    return (options | others) - {"-h", "--help"}


def test_command_line_is_documented() -> None:
    commands = re.findall(r"^    (\w+)  ", help_of(), re.MULTILINE)
    code = code_in((DOCS / "engine.md").read_text(encoding="utf-8"))
    assert len(commands) >= 3
    for name in commands:
        assert f"inngest {name}" in code
        arguments = arguments_in(help_of(name))
        assert arguments, name
        for argument in arguments | arguments_in(help_of()):
            found = re.search(rf"(?<![\w-]){re.escape(argument)}(?![\w-])", code)
            assert found, f"docs/engine.md leaves out {argument} of {name}"


def test_routes_of_the_engine_are_documented() -> None:
    source = inspect.getsource(api.endpoints)
    paths = {re.sub(r"{\w+}", "*", path) for path in re.findall(r'"(/[\w/{}]+)"', source)}
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


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_what_is_said_to_be_missing_is_missing() -> None:
    cells = [row[0] for row in table_rows("migrating.md") if len(row) == 3 and row[1] == "not yet"]
    names = {name for cell in cells for name in re.findall(r"`(inngest[\w.]+)`", cell)}
    assert {"inngest.connect", "inngest_encryption", "inngest.Function.call"} <= names
    assert {name for name in names if pydoc.locate(name) is not None} == set()


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
    assert {name for name in client if not re.search(rf"\b{name}\b", code)} == {"send_flow"}


def test_numbers_are_those_of_the_code() -> None:
    WORDS = {10: "ten"}
    answer_bytes = HTTPRequest("GET", "http://engine", {}).max_response_bytes
    mib = 1024 * 1024
    expected = {
        "architecture.md": [f"{WORDS[SETTLE_TURNS]} turns", f"gives up after {SEARCH_SECONDS:.0f} seconds"],
        "engine.md": [f"Up to {Options().concurrency} call requests", f"with {WSGI_THREADS} threads"],
        "errors.md": [
            f"over {MAX_REQUEST_BYTES // mib} MiB",
            f"longer than {MAX_URL:,} characters",
            f"longer than {UNWIND_SECONDS:.0f} seconds",
            f"message | {LONGEST_MESSAGE:,} characters",
            f"traceback | {LONGEST_STACK:,} characters",
            f"name | {LONGEST_NAME} characters",
            f"another message | {SHORT_MESSAGE:,} characters",
            f"causes | {LONGEST_CAUSE_CHAIN} errors",
            f"At most {MOST_MEMBERS} exceptions",
        ],
        "events.md": [
            f"More than {MAX_EVENTS:,} events, or more than {MAX_EVENT_BYTES // mib} MiB",
            f"1 to {MAX_EVENT_NAME} characters without spaces, or 1 to {MAX_TRIGGER_NAME} if",
        ],
        "functions.md": [
            f"has 1 to {MAX_TRIGGER_NAME} characters without spaces",
            f"to retry, 0 to {MAX_RETRIES};",
            f"a list of up to {MAX_TRIGGERS} |",
            f"a list of up to {MAX_CANCEL} `Cancel`",
            f"a list of up to {MAX_CONCURRENCY} `Concurrency`",
        ],
        "parallel.md": [f"until {WORDS[SETTLE_TURNS]} turns"],
        "security.md": [
            f"more than {SIGNATURE_WINDOW_SECONDS} seconds old",
            f"at most {MAX_CANONICAL_BYTES // 1024} KiB",
            f"longer than {MAX_URL:,} characters",
            f"is above {MAX_REQUEST_BYTES // mib} MiB",
            f"After {MAX_DRAINED // mib} MiB",
            f"An answer may have {answer_bytes // mib} MiB, and {MAX_STATE_ANSWER_BYTES // mib} MiB if",
            f"({DEFAULT_TIMEOUT_MS // 1000} seconds by default)",
        ],
        "servers.md": [f"at most {POOL_SIZE} sync functions", f"reads at most {MAX_REQUEST_BYTES // mib} MiB"],
        "starlette.md": [f"than {HELD_LOOP_SECONDS * 1000:.0f} ms", f"limit here is {MAX_REQUEST_BYTES // mib} MiB"],
        "steps.md": [
            f"takes {MAX_STEP_BYTES // mib} MiB as the result of one step",
            f"{MAX_RESPONSE_BYTES // mib} MiB as the result of a",
            f"{MAX_STEPS:,} steps in one run",
            f"{MAX_STATE_BYTES // mib} MiB in one run",
            f"for up to {MAX_WAIT_SECONDS // 86_400} days",
            f"more than {HELD_LOOP_SECONDS * 1000:.0f} ms",
        ],
    }
    for page, sentences in expected.items():
        text = " ".join(text_of(page).split())  # wherever its lines are broken
        assert [sentence for sentence in sentences if sentence not in text] == [], page
        assert sentences, page


def folders_in_the_architecture_page() -> dict[str, set[str]]:
    """Return the folders that have a heading of their own, each with the files in the table below it."""
    found: dict[str, set[str]] = {}
    for section in re.split(r"^#+ ", text_of("architecture.md"), flags=re.MULTILINE)[1:]:
        if folder := re.match(r"`(inngest[\w/]*)/`\n", section):
            rows = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
            found[folder[1]] = {name for row in rows for name in re.findall(r"`(\w+\.py)`", row)}
    return found


def test_the_architecture_page_names_every_file() -> None:
    named = folders_in_the_architecture_page()
    there: dict[str, set[str]] = {}
    for path in ROOT.glob("inngest*/**/*.py"):
        if not path.name.startswith("__") and path.parent.name != "inngest":  # its submodules are named as one
            there.setdefault(str(path.parent.relative_to(ROOT)), set()).add(path.name)
    assert {folder: names for folder, names in named.items() if names} == there


def test_the_architecture_page_names_every_folder() -> None:
    text = text_of("architecture.md")
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
