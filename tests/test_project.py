"""What a maintainer and a user find around the code: the build, the declared versions, and the installed package."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import inngest

ROOT = Path(__file__).parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("inngest*/__init__.py"))
DISTRIBUTIONS = {
    "cel_expr_python": "cel-expr-python",
    "google": "protobuf",
    "graphql": "graphql-core",
    "pydantic_core": "pydantic",  # these three are required by the one that is declared
    "werkzeug": "flask",
    "click": "flask",
    "asgiref": "django",
    "nacl": "pynacl",
    "sentry_sdk": "sentry-sdk",
    "opentelemetry": "opentelemetry-sdk",
    "pydantic_ai": "pydantic-ai-slim",
    "mcp_types": "mcp",
}
"""The distribution of a module, where it has another name."""
TOOLS = {"test", "check"}
"""The extras for whoever works on this project; the others are for users."""


def requirements() -> Iterator[str]:
    """Yield what users install: the dependencies, and those of each extra."""
    yield from PROJECT["dependencies"]
    for extra, needed in PROJECT["optional-dependencies"].items():
        if extra not in TOOLS:
            yield from (each for each in needed if not each.startswith(f"{PROJECT['name']}["))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def minimums() -> Iterator[tuple[str, str]]:
    for requirement in requirements():
        name, _, minimum = requirement.partition(">=")
        yield normal(name.partition("[")[0]), minimum


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    split = (line.partition("==") for line in lines if line and not line.startswith("#"))
    return {normal(name): version for name, _, version in split}


def numbers(version: str) -> tuple[int, ...]:
    """Return the parts of a version, without zeros at the end."""
    found = [int(part) for part in version.split(".")]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


# The declared versions


def test_every_minimum_is_tested_with_the_lowest_versions() -> None:
    lowest = pins("constraints-lowest.txt")
    wrong = {name: minimum for name, minimum in minimums() if numbers(lowest.get(name, "0")) != numbers(minimum)}
    assert wrong == {}, "pin each minimum of pyproject.toml in constraints-lowest.txt"


def test_every_requirement_has_a_minimum_and_a_tested_version() -> None:
    tested = pins("constraints.txt")
    for name, minimum in minimums():
        assert minimum, name
        assert numbers(tested[name]) >= numbers(minimum), name


def test_whatever_is_imported_is_declared() -> None:
    declared = {name for name, _ in minimums()}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                for top in {name.partition(".")[0] for name in names}:
                    if top not in sys.stdlib_module_names and top not in PACKAGES:
                        assert normal(DISTRIBUTIONS.get(top, top)) in declared, f"{path} imports {top}"


def test_the_supported_versions_of_python_agree() -> None:
    classifiers = PROJECT["classifiers"]
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    assert PROJECT["requires-python"] == f">={versions[0]}"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"VERSIONS := {' '.join(versions)}\n" in makefile
    assert f"NEWEST={versions[-1]}\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    newest_django = re.findall(r"Django :: (\d+\.\d+)", "\n".join(classifiers))[-1]
    assert f"NEWEST_DJANGO := {newest_django}." in makefile
    assert "Typing :: Typed" in classifiers
    assert PROJECT["version"] == inngest.__version__


def test_the_extra_for_sqlalchemy_brings_what_async_sessions_need() -> None:
    assert "sqlalchemy.ext.asyncio" in (ROOT / "inngest_outbox" / "sqlalchemy.py").read_text(encoding="utf-8")
    assert PROJECT["optional-dependencies"]["sqlalchemy"][0].startswith("sqlalchemy[asyncio]>=")


# The packages


def test_every_package_is_built_checked_and_typed() -> None:
    assert sorted(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert {*PACKAGES, "tests", "examples"} <= set(PYPROJECT["tool"]["basedpyright"]["include"])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^PACKAGES := ((?:.*\\\n)*.*)", makefile, re.MULTILINE)
    assert listed
    assert sorted(listed[1].replace("\\\n", " ").split()) == PACKAGES
    assert [package for package in PACKAGES if not (ROOT / package / "py.typed").exists()] == []


# The environment of a user


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An environment's folder of packages, with a copy of ours as pip puts it there."""
    folder = tmp_path / "site-packages"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "inngest_suite-0.1.0.dist-info").mkdir()
    return folder


def say(site: Path, tmp_path: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the packages of *site*, with the warnings that Python shows when nobody asks for more."""
    script = tmp_path / "app.py"
    script.write_text(program, encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(script)], env={"PYTHONPATH": str(site)}, capture_output=True, text=True, timeout=150
    )


TWICE = "import inngest\nimport inngest.asgi\nimport inngest\nprint(inngest.__file__)\n"


def test_alone_it_says_nothing(site: Path, tmp_path: Path) -> None:
    done = say(site, tmp_path, TWICE)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{site}/inngest/__init__.py\n", "")


def test_beside_the_official_distribution_it_says_once_what_to_uninstall(site: Path, tmp_path: Path) -> None:
    (site / "inngest-0.5.18.dist-info").mkdir()
    done = say(site, tmp_path, TWICE)
    assert (done.returncode, done.stdout) == (0, f"{site}/inngest/__init__.py\n")
    assert done.stderr == (
        f"{tmp_path}/app.py:1: UserWarning: the distributions inngest 0.5.18 and inngest-suite are both installed in "
        f"{site}, and each has overwritten files of the other. Keep one of them: run `pip uninstall inngest`, and then "
        "`pip install --force-reinstall --no-deps inngest-suite`\n"
        "  import inngest\n"
    )
