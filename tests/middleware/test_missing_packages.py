"""Integrations whose package is not installed: each says which extra to install, and the others still work."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has none
import moto
import pytest

import inngest.middleware
from inngest.middleware.remote_state import S3Store

NEEDS = {
    "encryption": ("nacl", "encryption"),
    "opentelemetry": ("opentelemetry", "opentelemetry"),
    "pydantic_ai": ("pydantic_ai", "pydantic-ai"),
    "sentry": ("sentry_sdk", "sentry"),
}
"""Those that cannot be imported without their package, and the extra that brings it."""
NEED_NOTHING = {"dependency_injection", "logging", "remote_state"}
OFFICIAL = {
    "inngest_encryption": ("nacl", "encryption"),
    "inngest.experimental.sentry_middleware": ("sentry_sdk", "sentry"),
}
MODULES = {**{f"inngest.middleware.{name}": needed for name, needed in NEEDS.items()}, **OFFICIAL}


def last_line(program: str) -> str:
    """Return the last line of what a program that fails says."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


def test_every_integration_is_here() -> None:
    assert {each.name for each in pkgutil.iter_modules(inngest.middleware.__path__)} == {*NEEDS, *NEED_NOTHING}


@pytest.mark.parametrize("module", MODULES)
def test_the_extra_is_named(module: str) -> None:
    missing, extra = MODULES[module]
    said = last_line(f"import sys; sys.modules[{missing!r}] = None; import {module}")
    assert said.startswith(f"ModuleNotFoundError: this needs {missing}")
    assert said.endswith(f", which is not installed: pip install 'inngest-suite[{extra}]'")


def test_the_extra_is_named_where_only_a_part_needs_it() -> None:
    """When the app begins, and not by the first result that is large."""
    program = (
        "import sys; sys.modules['boto3'] = None; from inngest.middleware.remote_state import S3Store as S; S('b')"
    )
    assert last_line(program) == (
        "ModuleNotFoundError: this needs boto3, which is not installed: pip install 'inngest-suite[remote-state]'"
    )


def test_what_is_given_needs_no_package() -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['boto3', 'nacl', 'sentry_sdk', 'opentelemetry', 'structlog']));"
        "from inngest.middleware.remote_state import S3Store as S; import inngest.middleware.logging;"
        "import inngest.middleware.dependency_injection; print(S('b', client=1).address())"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True)
    assert done.stdout == "{'bucket': 'b'}\n"


def test_every_extra_that_is_named_exists() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra for _, extra in MODULES.values()} | {"remote-state", "structlog"}
    assert named <= project["optional-dependencies"].keys()


def test_what_is_installed_is_loaded_when_it_is_first_used() -> None:
    names = sorted({*NEEDS, *NEED_NOTHING})
    program = "import inngest\n" + "\n".join(f"print(*inngest.middleware.{name}.__all__)" for name in names)
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True)
    modules = [importlib.import_module(f"inngest.middleware.{name}") for name in names]
    assert done.stdout.splitlines() == [" ".join(module.__all__) for module in modules]


def test_one_client_of_a_bucket_is_made_however_many_threads_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    untyped: Any = boto3
    made: list[str] = []

    def note(**_: object) -> None:
        made.append("client")

    with moto.mock_aws():
        untyped.client("s3").create_bucket(Bucket="results")
        untyped.setup_default_session()
        untyped.DEFAULT_SESSION.events.register("creating-client-class.s3", note)
        store, ready = S3Store("results"), threading.Barrier(4)

        def put(number: int) -> None:
            ready.wait(timeout=60)
            store.put(f"inngest/remote_state/{number}", b"1")

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(put, range(4)))
    assert made == ["client"]
