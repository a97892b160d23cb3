"""Django projects in folders of their own, and their command line in processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.cli.commands import ROOT, environ

FILES: Mapping[str, str] = {
    "manage.py": """
        import os, sys
        from django.core.management import execute_from_command_line

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
        execute_from_command_line(sys.argv)
    """,
    "site_settings.py": """
        SECRET_KEY = "x"
        ROOT_URLCONF = "site_urls"
        ALLOWED_HOSTS = ["*"]
        INSTALLED_APPS = ["inngest_django", "shop"]
        USE_TZ = True
        INNGEST = {"APP_ID": "shop", "IS_PRODUCTION": False}
    """,
    "site_urls.py": """
        from django.urls import include, path

        urlpatterns = [path("jobs/", include("inngest_django.urls"))]
    """,
    "shop/__init__.py": "",
    "shop/inngest_functions.py": """
        import inngest
        from inngest.django import get_client

        client = get_client()

        @client.create_function(fn_id="hello", trigger=inngest.TriggerEvent(event="shop/hello"))
        def hello(ctx, step):
            return step.run("say", lambda: "hello")
    """,
}


class Project:
    """A project in *folder*: FILES, some of them replaced or added to."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder = folder
        for name, text in {**FILES, **files}.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def add(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(path.read_text() + textwrap.dedent(text))

    def manage(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Run `manage.py` to its end, and return what it printed."""
        more = {"PYTHONPATH": str(ROOT), "DJANGO_COLORS": "nocolor", **variables}
        done = subprocess.run(
            [sys.executable, "-W", "error", "manage.py", *arguments],
            cwd=self.folder,
            env=environ(**more),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr
