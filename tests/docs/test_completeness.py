"""The pages leave nothing out: names, options, variables, errors, flags, routes, numbers, files."""

from __future__ import annotations

import argparse
import inspect
import pydoc
import re
from collections.abc import Iterator
from typing import Any, cast

import pydantic

import inngest
import inngest.fast_api
import inngest.flask
import inngest.starlette
from inngest_cli import main as cli
from inngest_core import errors
from inngest_core.config import load_config
from inngest_core.execution.execution import SEARCH_SECONDS
from inngest_core.protocol.limits import (
    MAX_CANONICAL_BYTES,
    MAX_EVENT_BYTES,
    MAX_EVENTS,
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    MAX_STATE_BYTES,
    MAX_STEP_BYTES,
    MAX_STEPS,
    SIGNATURE_WINDOW_SECONDS,
)
from inngest_core.runtime.async_body import SETTLE_TURNS, UNWIND_SECONDS
from inngest_core.runtime.drivers import HELD_LOOP_SECONDS
from inngest_core.serving.options import ServeOptions
from inngest_devserver.engine import Options
from inngest_devserver.hosting.app_servers import WSGI_THREADS
from inngest_devserver.http import api

from .pages import DOCS, ROOT, code_in, table_rows


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
    assert ServeOptions.__optional_keys__ - first_cells("configuration.md") == set()
    for serve in (inngest.flask.serve, inngest.starlette.serve, inngest.fast_api.serve):
        assert parameters(serve) <= {"app", "client", "functions", "options"}


def test_fields_of_options_are_documented() -> None:
    code = code_in(text_of("functions.md"))
    for name in inngest.__all__:
        option: Any = getattr(inngest, name)
        if option.__class__ is type(pydantic.BaseModel) and option.__module__ == "inngest_core.options.options":
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
        "errors.md": [f"over {MAX_REQUEST_BYTES // mib} MiB", f"longer than {UNWIND_SECONDS:.0f} seconds"],
        "events.md": [f"More than {MAX_EVENTS:,} events, or more than {MAX_EVENT_BYTES // mib} MiB"],
        "security.md": [
            f"more than {SIGNATURE_WINDOW_SECONDS} seconds old",
            f"at most {MAX_CANONICAL_BYTES // 1024} KiB",
        ],
        "starlette.md": [f"than {HELD_LOOP_SECONDS * 1000:.0f} ms", f"limit here is {MAX_REQUEST_BYTES // mib} MiB"],
        "steps.md": [
            f"takes {MAX_STEP_BYTES // mib} MiB as the result of one step",
            f"{MAX_RESPONSE_BYTES // mib} MiB as the result of a",
            f"{MAX_STEPS:,} steps in one run",
            f"{MAX_STATE_BYTES // mib} MiB in one run",
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
