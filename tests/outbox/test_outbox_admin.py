"""The outbox in Django's admin: a project of its own, in a process, for the admin needs settings that others do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.commands import ROOT, environ

PROJECT = """
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="project",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    STATIC_URL="/static/",
    INNGEST={"APP_ID": "shop", "IS_PRODUCTION": False},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")),
        "inngest_django",
        "inngest_django.outbox",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
)
django.setup()

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import path

import inngest
from inngest.outbox import django as outbox
from inngest_django.outbox.models import OutboxEvent

urlpatterns = [path("admin/", admin.site.urls)]
sys.modules["project"] = sys.modules["__main__"]
call_command("migrate", verbosity=0)
outbox.add(inngest.Event(name="shop/a"))
OutboxEvent.objects.update(due_at=None, error="refused because")
browser = Client()
browser.force_login(User.objects.create_superuser("ada"))
events = "/admin/inngest_outbox/outboxevent/"
row = OutboxEvent.objects.get()
listed = browser.get(events)
assert (listed.status_code, b"refused because" in listed.content) == (200, True)
assert browser.get(f"{events}{row.pk}/change/").status_code == 200
assert browser.get(f"{events}add/").status_code == 403
browser.post(events, {"action": "send_again", "_selected_action": [row.pk]})
assert OutboxEvent.objects.get().due_at is not None
"""


def test_the_admin_lists_events_and_sends_again_what_was_set_aside(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROJECT)
    done = subprocess.run(
        [sys.executable, program],
        env={**environ(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.returncode, done.stderr) == (0, "")
