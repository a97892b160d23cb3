"""The example apps, each in a folder of its own as its README says: its tests, its commands, and a visitor."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.stage.kit_plugin import PLUGIN_OPTIONS

from .commands import ROOT, Dev, environ, running

pytestmark = pytest.mark.live

ADMIN = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_PASSWORD": "x", "DJANGO_SUPERUSER_EMAIL": "a@b.example"}


def order_a_book(http: httpx.Client, session: Dev) -> None:
    page = http.post("/orders", data={"book": 1, "email": "ada@example.com"})
    session.until("mail to ada@example.com: your book is on its way")
    session.until("run completed")
    assert "Order 1 is shipped" in http.get(page.url).text


def sign_up(http: httpx.Client, session: Dev) -> None:
    assert http.post("/people", json={"email": "ada@example.com"}).status_code == 201
    session.until("mail to ada@example.com: is this you? POST /people/1/confirm")


def check_links(http: httpx.Client, session: Dev) -> None:
    assert http.post("/pages", json={"url": str(http.base_url.join("/dead-links"))}).status_code == 202
    session.until("run completed")
    assert http.get("/dead-links").json() == []


def ask_for_help(http: httpx.Client, session: Dev) -> None:
    http.get("/")
    form = {"email": "ada@example.com", "question": "How?", "csrfmiddlewaretoken": http.cookies["csrftoken"]}
    assert "has the number 1" in http.post("/", data=form).text
    session.until("Subject: [1] we have your question")


def export_a_year(http: httpx.Client, session: Dev) -> None:
    asked = http.post("/exports", data={"year": "2026"}).json()
    session.until("run completed")
    assert len(http.get(asked["url"]).text.splitlines()) == 365


VISITS: dict[str, Callable[[httpx.Client, Dev], None]] = {
    "flask-bookshop": order_a_book,
    "fastapi-signup": sign_up,
    "starlette-linkcheck": check_links,
    "django-helpdesk": ask_for_help,
    "tornado-exports": export_a_year,
}


class Example:
    """A copy of an example. commands: those of its README, as a user types them."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name
        left_behind = shutil.ignore_patterns("__pycache__", "*.db", ".*")
        shutil.copytree(ROOT / "examples" / name, self.folder, ignore=left_behind)
        self.readme = (self.folder / "README.md").read_text(encoding="utf-8")
        block = re.search(r"```console\n(.*?)```", self.readme, re.DOTALL)
        assert block
        self.commands = [shlex.split(line) for line in block[1].splitlines()]
        self._entry_points(folder)

    def _entry_points(self, folder: Path) -> None:
        """Let `flask` find its command, as where the package is installed."""
        points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["flask.commands"]
        self.installed = folder / "installed"
        information = self.installed / "entry_points_of_the_tests-1.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: entry-points-of-the-tests\nVersion: 1\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (information / "entry_points.txt").write_text(f"[flask.commands]\n{lines}")

    def environ(self) -> dict[str, str]:
        return environ(PYTHONPATH=f"{ROOT}:{self.installed}", **ADMIN)

    def run(self, *arguments: str) -> str:
        """Run Python to its end."""
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=self.folder,
            env=self.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def dev(self, *arguments: str) -> contextlib.AbstractContextManager[Dev]:
        """Run Python beside the block."""
        return running([sys.executable, *arguments], self.folder, self.environ())


@pytest.fixture(params=VISITS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def example(name: str, tmp_path: Path) -> Example:
    return Example(name, tmp_path)


def as_python(words: list[str]) -> list[str]:
    """Return the arguments with which Python does what a command does."""
    program, *arguments = words
    return {"python": [], "inngest": ["-m", "inngest_cli"], "flask": ["-m", "flask"]}[program] + arguments


def test_its_tests_pass(example: Example) -> None:
    if (example.folder / "manage.py").exists():
        assert "OK" in example.run("manage.py", "test")
        assert "No changes" in example.run("manage.py", "makemigrations", "--check")
    else:
        assert " passed" in example.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGIN_OPTIONS)


def test_its_readme_leads_to_a_run(example: Example, name: str) -> None:
    install, *before, dev = [words for words in example.commands if words[0] != "curl"]
    assert install[:2] == ["pip", "install"]
    assert len(example.readme.splitlines()) <= 13
    for words in before:
        options = ["--noinput"] if "createsuperuser" in words else []
        example.run(*as_python([*words, *options]))
    at = dev.index("--app-port")
    with example.dev(*as_python([*dev[:at], "--port", "0", *dev[at + 2 :]])) as session:
        address = re.search(r"http://[\d.:]+", session.until("app     "))
        assert address
        session.until("ready:")
        with httpx.Client(base_url=address[0], follow_redirects=True, timeout=30) as http:
            VISITS[name](http, session)
        assert f"127.0.0.1:{dev[at + 1]}" in example.readme
