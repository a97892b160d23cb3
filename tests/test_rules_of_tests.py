"""What holds for every file of the tests, read from its text: see `tests/README.md`."""

from __future__ import annotations

import ast
import collections
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(path for path in TESTS.rglob("*.py") if "__pycache__" not in path.parts)
IN_EVERY_FILE = pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(TESTS)) for path in FILES])

OF_EVERY_FOLDER = {"__init__", "__main__", "conftest"}
CHECKS = ("assert", "check", "expect", "fail", "raises", "warns")
"""How the names of functions begin that assert something."""
PUBLIC_IN_SPITE_OF_THE_NAME = {"_replace", "_exit", "_fields"}
PRIVATE_STILL: dict[str, set[str]] = {}
REPLACING_IS_THE_POINT = {
    "docs/test_examples.py": "examples of the docs run without a network",
    "core/test_round_trips.py": "nothing of pydantic is built",
}
"""Files that may replace attributes, and why."""
LACKS_ASSERTIONS = {
    ("docs/test_examples.py", "test_examples_run"): "an example that fails raises",
    ("cli/test_cli.py", "test_without_an_app_it_says_how_to_name_one"): "`until` raises",
}


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def key_of(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def found_in(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function, but not in the functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from own_nodes(child)


def test_no_two_files_have_one_name() -> None:
    names = collections.Counter(path.stem for path in FILES if path.stem not in OF_EVERY_FOLDER)
    assert {name for name, count in names.items() if count > 1} == set()


def test_the_readme_names_every_folder_and_every_piece_of_the_stage() -> None:
    text = (TESTS / "README.md").read_text(encoding="utf-8")
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    pieces = {path.name for path in (TESTS / "stage").glob("*.py")} - {"__init__.py"}
    assert {"core", "cases", "stage"} <= folders
    assert {name for name in folders if f"{name}/" not in text} == set()
    assert {name for name in pieces if f"`{name}`" not in text} == set()
    named = set(re.findall(r"(?:`|/)(\w+\.py)`", text))
    assert named - {path.name for path in FILES} == set()


@IN_EVERY_FILE
def test_nothing_private_is_touched(path: Path) -> None:
    """A test asks what a user or an engine can: what has a private name may change without any test."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Attribute) or not re.match(r"_[a-z]", node.attr):
            continue
        of_itself = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        known = PUBLIC_IN_SPITE_OF_THE_NAME | PRIVATE_STILL.get(key_of(path), set())
        assert of_itself or node.attr in known, f"line {node.lineno}: {node.attr}"


@IN_EVERY_FILE
def test_nothing_is_replaced(path: Path) -> None:
    """A seam of the product is an argument, an effect or a setting, never an attribute that a test overwrites."""
    if key_of(path) in REPLACING_IS_THE_POINT:
        pytest.skip(REPLACING_IS_THE_POINT[key_of(path)])
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute):
            assert node.attr != "setattr", f"line {node.lineno}"
            assert ast.unparse(node) not in ("mock.patch", "unittest.mock"), f"line {node.lineno}"


@IN_EVERY_FILE
def test_every_test_can_fail(path: Path) -> None:
    for test in found_in(path):
        calls = [ast.unparse(node.func).rpartition(".")[2] for node in ast.walk(test) if isinstance(node, ast.Call)]
        asserts = any(isinstance(node, ast.Assert) for node in ast.walk(test))
        lacks = not asserts and not any(name.startswith(CHECKS) for name in calls)
        assert not lacks or (key_of(path), test.name) in LACKS_ASSERTIONS, f"line {test.lineno}: {test.name}"


@IN_EVERY_FILE
def test_no_test_ends_early(path: Path) -> None:
    """It skips, with a reason, or asserts something else: who returns has tested nothing, and says nothing."""
    for test in found_in(path):
        handled = {
            id(inner) for node in own_nodes(test) if isinstance(node, ast.ExceptHandler) for inner in ast.walk(node)
        }
        early = [node for node in own_nodes(test) if isinstance(node, ast.Return) and id(node) not in handled]
        assert early == [], f"line {early[0].lineno}: {test.name}"
