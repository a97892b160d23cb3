"""Django: what is said when a server starts a project, which makes no system checks; commands do not say it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, environ

from .django_projects import Project

pytestmark = pytest.mark.live

SETTINGS = """
    SECRET_KEY = "x"
    ROOT_URLCONF = "site_urls"
    ALLOWED_HOSTS = ["*"]
    INSTALLED_APPS = ["inngest_django", "inngest_django.outbox", "shop"]
    USE_TZ = True
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
    INNGEST = {"APP_ID": "shop", "IS_PRODUCTION": True}
"""
SITE = """
    import os

    os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
    from django.core.{kind} import get_{kind}_application

    application = get_{kind}_application()
"""
ON_A_LOOP = "import asyncio\nasync def main(): import site_asgi\nasyncio.run(main())"
WITH_REQUESTS = "import site_wsgi\nfrom django.test import Client\nfor _ in 'ab': Client().get('/jobs/api/inngest')"
START = "import site_wsgi"

NO_KEY = "has no signing key: set INNGEST_SIGNING_KEY"
NO_TABLE = "the database 'default' has no table for the outbox, so no event can be added to it; run: manage.py migrate"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project in cloud mode without a key, and without the table of its outbox."""
    site = Project(tmp_path)
    site.write("site_settings.py", SETTINGS)
    for kind in ("wsgi", "asgi"):
        site.write(f"site_{kind}.py", SITE.format(kind=kind))
    yield site


def start(project: Project, program: str = START) -> str:
    """Start the project as a server does, and return what that prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=project.folder,
        env=environ(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_a_server_is_told_of_a_missing_key_and_a_missing_table(project: Project) -> None:
    for command in (["check"], ["makemigrations", "--check"], ["migrate", "--plan"]):
        said = project.manage(*command)
        assert NO_KEY not in said
        assert NO_TABLE not in said
    for program in (START, ON_A_LOOP):
        said = start(project, program)
        assert said.count(NO_KEY) == 1
        assert said.count(NO_TABLE) == 1


def test_a_project_that_lacks_nothing_is_told_nothing(project: Project) -> None:
    project.add("site_settings.py", 'INNGEST["SIGNING_KEY"] = "signkey-prod-00"\n')
    project.manage("migrate")
    assert start(project) == ""


def test_a_migration_that_was_not_applied_yet_is_told(project: Project) -> None:
    project.manage("migrate")
    project.manage(
        "shell",
        "-c",
        "from django.db import connection as c; c.cursor().execute('ALTER TABLE inngest_outbox DROP COLUMN error')",
    )
    assert "the table of the outbox in the database 'default' lacks error, so no event" in start(project)


def test_the_key_is_told_of_once_and_the_answer_says_it_too(project: Project) -> None:
    assert start(project, WITH_REQUESTS).count(NO_KEY) == 1


def test_a_database_that_does_not_answer_keeps_nothing_from_starting(project: Project) -> None:
    project.add("site_settings.py", 'DATABASES["default"]["NAME"] = "/nowhere/shop.db"\n')
    assert "outbox" not in start(project)
    project.add("site_settings.py", "DATABASES = {}\n")
    assert "outbox" not in start(project)


def test_a_project_without_the_urls_is_told_by_the_command_that_runs_it(project: Project) -> None:
    project.write("site_urls.py", "urlpatterns = []\n")
    said = project.manage("inngest_dev", "--port=0", code=1)
    assert 'the project serves no functions; add path("", include("inngest_django.urls")) to urlpatterns' in said
