"""The rules of docs/architecture.md: which room may import what, read from the AST of every module."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = sorted(path.name for path in ROOT.iterdir() if path.name.startswith("inngest") and path.is_dir())
FRAMEWORKS = {
    "inngest_flask": {"flask", "werkzeug", "click"},
    "inngest_starlette": {"starlette"},
    "inngest_fastapi": {"fastapi", "starlette", "inngest_starlette"},
    "inngest_django": {"django", "django_tasks", "asgiref"},
    "inngest_tornado": {"tornado"},
    "inngest_digital_ocean": {"flask"},  # for the simulator only
}
INTEGRATIONS = {
    "__init__": set[str](),
    "agent_errors": {"pydantic_ai", "pydantic", "pydantic_core"},
    "agent_runs": set[str](),
    "dependency_injection": {"pydantic"},
    "encryption": {"nacl"},
    "extended_traces": {"opentelemetry"},
    "logging": {"structlog"},
    "opentelemetry": {"opentelemetry"},
    "pydantic_ai": {"pydantic_ai", "pydantic"},
    "remote_state": {"boto3"},
    "sentry": {"sentry_sdk"},
}
"""What each file of inngest_middleware integrates."""
PARTS = {"pydantic_ai": {"inngest_middleware.agent_errors", "inngest_middleware.agent_runs"}}
"""The files of inngest_middleware that are a part of another one: nothing else may import them."""
CASES_WITH = {
    "call_logging": {"structlog"},
    "durable_agents": {"pydantic_ai"},
    "integrations": {"fastapi"},
    "observers": {"opentelemetry", "sentry_sdk"},
}
"""The cases that are of another library, and that library."""
LONGEST_FILE = 350

# Imports within the core point one way: only from a higher row to a lower one. A folder counts as one; files share it.
LAYERS = (
    {"interception", "official_realtime", "serving"},
    {"client"},
    {"definition", "messaging", "sending"},
    {"execution"},
    {"function"},
    {"by_hand"},
    {"middleware"},
    {"ai", "events", "realtime", "signals"},
    {"engine_api"},
    {"config", "options", "values"},
    {"runtime", "protocol", "error_text", "extras", "callables", "parameters", "installation"},
    {"web", "errors"},
)
RANKS = {room: rank for rank, layer in enumerate(LAYERS) for room in layer}
ONLY_FROM_THE_CORE = {
    "errors": set[str](),
    "error_text": {"errors"},
    "extras": set[str](),
    "installation": set[str](),
    "callables": set[str](),
    "parameters": {"errors"},
    "web": set[str](),
    "protocol": {"errors"},
    "runtime": {"web", "errors"},
    "execution.replay": {"protocol", "errors"},
}
"""What a room, or a file, may import besides itself, where that is less than all below it."""
PERFORMERS = {"runtime", "web.disconnects"}
"""What may use loops, threads, sockets and clocks; `config` may read the environment."""
IMPURE = {
    *("asyncio", "concurrent", "multiprocessing", "os", "queue", "random", "sched", "secrets", "select"),
    *("selectors", "signal", "socket", "socketserver", "ssl", "subprocess", "sys", "threading", "time", "uuid"),
}
THIRD_PARTY = {
    "execution.fetch": {"httpx"},
    "execution.step": {"httpx", "typing_extensions"},
    "execution.step_sync": {"httpx", "typing_extensions"},
    "options.expressions": {"cel_expr_python"},
    "protocol.signing": {"rfc8785"},
    "runtime.deadline": {"httpcore", "httpx"},
    "runtime.exchanges": {"httpcore", "httpx"},
    "runtime.loop_connections": {"httpcore", "httpx"},
    "runtime.open_answers": {"httpx"},
    "runtime.pools": {"httpcore", "httpx"},
    "runtime.transport": {"httpx"},
    "values.msgspec": {"msgspec"},
    "values": {"typing_extensions"},
    "events": {"typing_extensions"},
    "parameters": {"typing_extensions"},
    "realtime": {"typing_extensions"},
    "execution": {"typing_extensions"},
}
LOADING_LATE = ("runtime.transport", "runtime.open_answers", "execution.fetch", "execution.step", "execution.step_sync")
"""What names types of httpx, which is loaded when it is first used."""
DEVSERVER_FROM_THE_CORE = {"protocol", "web", "runtime", "errors", "extras", "options.expressions", "options.cron"}
IN_HOSTING_ONLY = {"uvicorn", "waitress", "tornado"}


def modules(package: str) -> dict[str, Path]:
    """Return the modules of a package, by dotted name without the package's own."""
    root = ROOT / package
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path
        for path in sorted(root.rglob("*.py"))
        if "__pycache__" not in path.parts
    }


PRODUCT_FILES = [path for package in PRODUCT for path in modules(package).values()]
CORE = modules("inngest_core")
IN_PRODUCT = pytest.mark.parametrize("path", PRODUCT_FILES, ids=[str(path.relative_to(ROOT)) for path in PRODUCT_FILES])
IN_CORE = pytest.mark.parametrize("name", CORE)


@functools.cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@functools.cache
def imports(path: Path) -> list[str]:
    """Return the absolute dotted names that a file imports, wherever in it; `from a import b` gives "a.b"."""
    package = path.parent.relative_to(ROOT).parts
    names: list[str] = []
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*base, *([node.module] if node.module else [])])
            names += [f"{start}.{alias.name}" for alias in node.names]
    return names


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def from_the_core(path: Path) -> set[str]:
    """Return the modules of the core that a file imports, by dotted name without the package's own."""
    names = (name.removeprefix("inngest_core.") for name in imports(path) if name.startswith("inngest_core."))
    return {_module_of(name) for name in names}


def _module_of(name: str) -> str:
    """Return the module that an imported name is, or is in."""
    return name if name in CORE or "." not in name else name.rpartition(".")[0]


def room(name: str) -> str:
    """Return the folder, or the file, of the core that a module belongs to."""
    return name.partition(".")[0]


def is_in(name: str, rooms: Iterable[str]) -> bool:
    """Tell whether a module is one of *rooms*, or is in one of them."""
    return any(name == each or name.startswith(each + ".") for each in rooms)


def third_party(path: Path) -> set[str]:
    return {top for top in tops(path) if top not in sys.stdlib_module_names and top not in PRODUCT}


def test_the_rooms_are_found() -> None:
    assert {"inngest", "inngest_core", "inngest_devserver", "inngest_flask"} <= set(PRODUCT)
    assert {"serving.app", "runtime.drivers", "execution.replay", "protocol.wire"} <= CORE.keys()
    assert {room(name) for name in CORE} - {"__init__"} == RANKS.keys()


# The core


@IN_CORE
def test_core_imports_point_one_way(name: str) -> None:
    others = {other for other in from_the_core(CORE[name]) if room(other) != room(name)}
    assert not {other for other in others if RANKS[room(other)] <= RANKS[room(name)]}


def test_core_imports_form_no_circle() -> None:
    graph = {name: from_the_core(path) for name, path in CORE.items()}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@IN_CORE
def test_core_rooms_with_a_list(name: str) -> None:
    for place, allowed in ONLY_FROM_THE_CORE.items():
        if is_in(name, {place}):
            others = {other for other in from_the_core(CORE[name]) if not is_in(other, {place})}
            assert not {other for other in others if not is_in(other, allowed)}


@IN_CORE
def test_core_is_pure(name: str) -> None:
    allowed = IMPURE if is_in(name, PERFORMERS) else {"os"} if name == "config" else set[str]()
    assert tops(CORE[name]) & IMPURE <= allowed
    used = {each for each in imports(CORE[name]) if each.startswith(("urllib.request", "http.client", "http.server"))}
    assert used <= ({"urllib.request"} if name == "runtime.pools" else set[str]())


@IN_CORE
def test_core_knows_no_other_package(name: str) -> None:
    path = CORE[name]
    allowed = {package for place, packages in THIRD_PARTY.items() if is_in(name, {place}) for package in packages}
    assert third_party(path) <= {"pydantic", "pydantic_core"} | allowed
    assert tops(path) & set(PRODUCT) <= {"inngest_core"}


@IN_CORE
def test_core_asks_for_no_framework(name: str) -> None:
    names = {"flask", "fast_api", "fastapi", "starlette", "django", "tornado", "digitalocean"}
    for node in nodes_of(CORE[name]):
        if isinstance(node, ast.Compare | ast.MatchValue):
            texts = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            assert not names & texts, f"line {node.lineno}"


@IN_CORE
def test_only_config_reads_the_environment(name: str) -> None:
    used = [
        node.attr
        for node in nodes_of(CORE[name])
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    ]
    assert not used or name == "config"


@IN_CORE
def test_performers_know_no_json_and_no_header(name: str) -> None:
    if is_in(name, PERFORMERS):
        assert not tops(CORE[name]) & {"json", "pydantic", "pydantic_core"}
        assert not {other for other in from_the_core(CORE[name]) if is_in(other, {"protocol"})}


# The other rooms


def test_inngest_holds_no_logic() -> None:
    for path in modules("inngest").values():
        assert tops(path) <= {*PRODUCT, "__future__", "importlib", "types", "typing"}, path
        nodes = nodes_of(path)
        assert not any(isinstance(node, ast.For | ast.While | ast.Try) for node in nodes), path


@pytest.mark.parametrize("package", [name for name in FRAMEWORKS if name in PRODUCT])
def test_adapters_know_the_core_and_their_framework(package: str) -> None:
    for path in modules(package).values():
        if path.parent.name == "commands":  # Django's own kind of command line
            continue
        outbox = {"inngest_outbox"} if path.parent.name == "outbox" else set[str]()
        assert third_party(path) <= FRAMEWORKS[package], path
        assert tops(path) & set(PRODUCT) <= {"inngest_core", package, *outbox, *FRAMEWORKS[package]}, path
        known = from_the_core(path)
        assert not {other for other in known if is_in(other, {"protocol", "execution", "serving.call"})}, path
        assert not tops(path) & {"json", "hmac", "hashlib"}, path


def test_adapters_name_no_header() -> None:
    for package in FRAMEWORKS.keys() & set(PRODUCT):
        for path in modules(package).values():
            texts = [
                node.value for node in nodes_of(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            assert not [text for text in texts if re.match(r"x-inngest-|content-type$", text, re.IGNORECASE)], path


def test_integrations_know_the_core_and_their_package() -> None:
    found = modules("inngest_middleware")
    assert found.keys() == INTEGRATIONS.keys()
    for name, path in found.items():
        assert third_party(path) <= INTEGRATIONS[name], path
        ours = {other for other in imports(path) if other.partition(".")[0] in PRODUCT}
        others = {other for other in ours if not other.startswith("inngest_core")}
        assert all(is_in(other, PARTS.get(name, set())) for other in others), path


def test_devserver_imports() -> None:
    for name, path in modules("inngest_devserver").items():
        allowed = DEVSERVER_FROM_THE_CORE | _hosting_needs(name)
        assert not {other for other in from_the_core(path) if not is_in(other, allowed)}, name
        assert tops(path) & set(PRODUCT) <= {"inngest_core", "inngest_devserver", "inngest_connect"}, name
        of_connect = {other for other in imports(path) if other.startswith("inngest_connect.")}
        assert not of_connect or is_in(name, {"workers", "http.connect_routes"}), name
        shared = tuple(f"inngest_connect.{module}." for module in ("codec", "messages", "silence"))
        assert all(other.startswith(shared) for other in of_connect), name
        assert not (tops(path) & IN_HOSTING_ONLY) or is_in(name, {"hosting", "server"}), name
        assert "sqlite3" not in tops(path) or is_in(name, {"storage"}), name
        assert "inngest_cli" not in tops(path), name


def test_connect_imports() -> None:
    for name, path in modules("inngest_connect").items():
        assert tops(path) & set(PRODUCT) <= {"inngest_core", "inngest_connect"}, name
        assert "websockets" not in tops(path) or name in ("session", "websocket", "frames"), name
        assert "google" not in tops(path) or name in ("codec", "worker"), name


def test_outbox_imports() -> None:
    for name, path in modules("inngest_outbox").items():
        assert tops(path) & set(PRODUCT) <= {"inngest_core", "inngest_outbox"}, name
        assert "sqlalchemy" not in tops(path) or name.startswith("sqlalchemy"), name


def _hosting_needs(name: str) -> set[str]:
    """The child process that loads a user's app learns from the core where that serves."""
    return {"serving.app", "config", "client"} if is_in(name, {"hosting"}) else set()


def test_devserver_has_one_clock() -> None:
    for name, path in modules("inngest_devserver").items():
        if name == "scheduling.clock":
            continue
        calls = {
            f"{node.value.id}.{node.attr}"
            for node in nodes_of(path)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        assert not calls & {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"}, name


def test_testing_imports() -> None:
    for name, path in modules("inngest_testing").items():
        assert tops(path) & set(PRODUCT) <= {"inngest_core", "inngest_devserver", "inngest_testing"}, name
        assert "pytest" not in tops(path) or name in ("plugin", "fixtures"), name
        assert third_party(path) - {"pytest", "httpx", "pydantic", "typing_extensions"} <= set[str]() or (
            name == "frameworks"
        ), name


def test_nothing_imports_the_testing_kit() -> None:
    for package in set(PRODUCT) - {"inngest", "inngest_testing"}:
        for path in modules(package).values():
            assert "inngest_testing" not in tops(path), path


def test_nothing_imports_the_command_line() -> None:
    for package in set(PRODUCT) - {"inngest_cli"}:
        for path in modules(package).values():
            if path.parent.name != "commands":  # Django's own kind of command line
                assert "inngest_cli" not in tops(path), path


def test_cases_are_data() -> None:
    for path in modules("tests/cases").values():
        assert third_party(path) <= {"tests", *CASES_WITH.get(path.stem, ())}, path
        assert tops(path) & set(PRODUCT) <= {"inngest"}, path


def test_examples_use_public_names() -> None:
    for path in modules("examples").values():
        assert tops(path) & set(PRODUCT) <= {"inngest"} or path.parent.name == "demo", path


def test_only_the_routes_know_the_page() -> None:
    for name, path in modules("inngest_devserver").items():
        if not is_in(name, {"page"}):
            knows = {each for each in imports(path) if each.startswith("inngest_devserver.page")}
            assert not knows or name == "http.routes", name
        else:
            assert third_party(path) <= {"jinja2"}, name


def test_the_page_has_short_files_and_needs_nothing_from_elsewhere() -> None:
    found = [
        path for path in (ROOT / "inngest_devserver" / "page").rglob("*") if path.suffix in (".html", ".css", ".js")
    ]
    assert found
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= LONGEST_FILE, path
        assert not re.search(r"""(?:src|href|url|import)[=(\s]*["']?(?:https?:)?//""", text), path
        if path.suffix == ".html":  # the content security policy would stop these
            assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script>", text), path


# Every file


@IN_PRODUCT
def test_no_import_for_type_checkers_alone(path: Path) -> None:
    if path not in {CORE[name] for name in LOADING_LATE}:
        assert "TYPE_CHECKING" not in path.read_text(encoding="utf-8")


@IN_PRODUCT
def test_ignored_errors_have_codes(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not re.search(r"type:\s*ignore(?!\[[a-z-]+(,\s*[a-z-]+)*\])", line), f"line {number}"
        assert not re.search(r"pyright:\s*(ignore(?!\[)|basic|strict)", line), f"line {number}"
        assert not re.search(r"#\s*noqa(?!: [A-Z]+[0-9]+)", line), f"line {number}"


@IN_PRODUCT
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@IN_PRODUCT
def test_nothing_is_left_for_later(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text(encoding="utf-8"))


@IN_PRODUCT
def test_modules_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text or ast.get_docstring(ast.parse(text))


def test_no_room_is_called_utils() -> None:
    names = {path.stem for path in PRODUCT_FILES if not path.match("inngest_django/outbox/models.py")}  # Django's name
    assert not names & {"utils", "util", "helpers", "helper", "models", "common", "misc", "_lib"}
