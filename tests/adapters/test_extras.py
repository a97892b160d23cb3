"""A package that is not installed: what needs it says which extra to install, and nothing else is disturbed."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import inngest
from inngest_core.extras import needs

NEEDS = [
    ("inngest.flask", "flask", "flask"),
    ("inngest.flask", "werkzeug", "flask"),
    ("inngest.starlette", "starlette", "starlette"),
    ("inngest.fast_api", "fastapi", "fastapi"),
    ("inngest.fast_api", "starlette", "fastapi"),
    ("inngest.fastapi", "fastapi", "fastapi"),
    ("inngest.fastapi", "starlette", "fastapi"),
    ("inngest.django", "django", "django"),
    ("inngest.django", "asgiref", "django"),
    ("inngest.tornado", "tornado", "tornado"),
    ("inngest_devserver.server", "uvicorn", "dev-server"),
]
"""Module, the package that is missing, and the extra that brings it. The command line has its own test."""
SUBMODULES = sorted({module for module, _, _ in NEEDS if module.startswith("inngest.")})
NEED_NOTHING = ["asgi", "wsgi", "digital_ocean"]
SERVE_NOTHING = ["ai", "connect", "experimental", "middleware", "outbox", "realtime", "testing"]
"""They are tested where their own tests are."""


def last_line(program: str) -> str:
    """Return the last line of what a program that fails says."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(("module", "missing", "extra"), NEEDS)
def test_what_is_missing_is_named_with_its_extra(module: str, missing: str, extra: str) -> None:
    said = last_line(f"import sys, inngest; sys.modules[{missing!r}] = None; import {module}")
    assert said.startswith(f"ModuleNotFoundError: this needs {missing}")
    assert said.endswith(f"pip install 'inngest-suite[{extra}]'")


def test_what_is_missing_is_named_when_a_submodule_is_first_used() -> None:
    said = last_line("import sys, inngest; sys.modules['flask'] = None; inngest.flask.serve")
    assert said.endswith("pip install 'inngest-suite[flask]'")


def distributions(extra: str) -> Iterator[str]:
    """Yield what an extra brings, also by other extras that it names."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["optional-dependencies"][extra]:
        others = re.fullmatch(rf"{project['name']}\[(.*)\]", requirement)
        if others is None:
            yield re.split(r"[<>=\[;]", requirement)[0]
            continue
        for other in others[1].split(","):
            yield from distributions(other)


@pytest.mark.parametrize("extra", sorted({extra for _, _, extra in NEEDS}))
def test_an_extra_that_is_named_brings_what_is_missing(extra: str) -> None:
    """Or something that does: Flask brings werkzeug, FastAPI Starlette, and Django asgiref."""
    brought = set(distributions(extra))
    missing = {package.replace("_", "-") for _, package, named in NEEDS if named == extra}
    assert missing & brought
    assert missing - brought <= {"werkzeug", "starlette", "asgiref"}


def test_no_submodule_is_left_out() -> None:
    submodules = {f"inngest.{each.name}" for each in pkgutil.iter_modules(inngest.__path__)}
    assert submodules == {*SUBMODULES, *(f"inngest.{name}" for name in [*NEED_NOTHING, *SERVE_NOTHING])}


@pytest.mark.parametrize("module", SUBMODULES)
def test_what_is_installed_is_imported(module: str) -> None:
    loaded = importlib.import_module(module)
    assert "serve" in loaded.__all__
    assert all(hasattr(loaded, name) for name in loaded.__all__)


@pytest.mark.parametrize("name", NEED_NOTHING)
def test_these_need_nothing(name: str) -> None:
    program = f"""
import sys
for missing in ("flask", "werkzeug", "starlette", "fastapi", "django", "tornado", "uvicorn", "waitress"):
    sys.modules[missing] = None
import inngest
print(inngest.{name}.__all__)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True)
    assert done.stdout == "['serve']\n"


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("no", name="users_own"), ModuleNotFoundError("no"), ImportError("no", name="flask")]
)
def test_other_errors_pass_as_they_are(error: ImportError) -> None:
    with pytest.raises(ImportError) as caught, needs("flask"):
        raise error
    assert caught.value is error


def test_a_missing_msgspec_says_so_when_its_serializer_is_made() -> None:
    program = (
        "import sys; sys.modules['msgspec'] = None; import inngest; "
        "inngest.Inngest(app_id='app'); inngest.MsgspecSerializer()"
    )
    assert last_line(program) == (
        "ModuleNotFoundError: this needs msgspec, which is not installed: pip install 'inngest-suite[msgspec]'"
    )


@pytest.mark.parametrize(
    ("system", "extra", "expected"),
    [
        ("x86_64-pc-linux-gnu", "testing", "testing"),
        ("x86_64-pc-linux-musl", "testing", "testing-musl"),
        ("aarch64-unknown-linux-musl", "dev-server", "dev-server-musl"),
        ("x86_64-pc-linux-musl", "flask", "flask"),
    ],
)
def test_alpine_linux_gets_the_extra_that_can_be_installed_there(system: str, extra: str, expected: str) -> None:
    program = (
        f"import sysconfig; sysconfig.get_config_vars()['HOST_GNU_TYPE'] = {system!r}; "
        f"from inngest_core.extras import install_command; print(install_command({extra!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True)
    assert done.stdout == f"pip install 'inngest-suite[{expected}]'\n"
