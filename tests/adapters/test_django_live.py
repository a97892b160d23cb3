"""Django behind real servers: its own and uvicorn; and `manage.py inngest_dev` in processes of its own."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.test import override_settings

from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from tests.cli.commands import ROOT, Dev, environ, run, running
from tests.stage import servers
from tests.stage.shop import BODY, THREAD, Shop, expect_ran, expect_refused, large_body, query, shop
from tests.stage.sockets import ask, ask_raw, chunked
from tests.targets.django_site import ASGISite, WSGISite

from .django_sites import PATH, patterns_of

pytestmark = pytest.mark.live


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def by_djangos_server(served: Shop) -> Generator[int]:
    with ThreadedWSGIServer(("127.0.0.1", 0), Quiet) as server:
        server.set_app(WSGISite(patterns_of(served)))
        with servers.in_a_thread(lambda: server.serve_forever(0.01), server.shutdown):
            yield server.server_port


def by_uvicorn(served: Shop) -> contextlib.AbstractContextManager[int]:
    return servers.by_uvicorn(ASGISite(patterns_of(served)), http="h11", lifespan="off")


SERVERS = pytest.mark.parametrize("serving", [by_djangos_server, by_uvicorn])


@SERVERS
def test_calls_of_both_kinds_and_bad_input(serving: Any) -> None:
    with shop() as served, override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000), serving(served) as port:
        send = ask(port, PATH)
        for kind in ("plain", "async"):
            expect_ran(send("POST", query(kind), {}, BODY), kind)
            expect_ran(send("POST", query(kind), {"Content-Type": "multipart/form-data"}, BODY), kind)
            expect_ran(send("POST", query(kind), {}, large_body(3_000_000)), kind)
        served.seen.clear()
        for method in ("PATCH", "DELETE", "OPTIONS", "FOO"):
            expect_refused(send(method, "", {}, b""), 405, "method_not_allowed")
        assert send("HEAD", "", {}, b"")[::2] == (405, b"")
        expect_refused(send("POST", query("plain"), {}, b"{"), 400, "body_invalid")
        expect_refused(send("POST", query("plain"), {}, b" " * (MAX_REQUEST_BYTES + 1)), 413, "body_too_large")
        assert THREAD not in served.seen


def test_a_chunked_body_under_uvicorn() -> None:
    with shop() as served, by_uvicorn(served) as port:
        expect_ran(ask_raw(port, chunked(f"{PATH}?{query('plain')}", BODY[:9], BODY[9:])), "plain")


def test_a_body_of_unknown_length_under_djangos_server_is_a_coded_error() -> None:
    with shop() as served, by_djangos_server(served) as port:
        expect_refused(ask_raw(port, chunked(f"{PATH}?{query('plain')}", BODY)), 400, "body_invalid")


# --- manage.py inngest_dev


def inngest_dev(manage: list[str], *arguments: str, folder: Path) -> contextlib.AbstractContextManager[Dev]:
    program = [sys.executable, "-W", "error", *manage, "inngest_dev", "--port=0", *arguments]
    return running(program, folder, environ())


@pytest.mark.parametrize("options", [(), ("--asgi",)], ids=["wsgi", "asgi"])
def test_the_example_project(options: tuple[str, ...]) -> None:
    with inngest_dev(["-m", "examples.demo.django.manage"], *options, folder=ROOT) as session:
        session.check_an_event_is_run("django-shop-fulfil", "shop/thanks.due", '{"order": "A1"}')


PROJECT = {
    "site_settings.py": """
        SECRET_KEY = "x"
        ROOT_URLCONF = "site_urls"
        ALLOWED_HOSTS = ["*"]
        INSTALLED_APPS = ["inngest_django"]
        USE_TZ = True
        WSGI_APPLICATION = "site_wsgi.application"
    """,
    "site_wsgi.py": """
        from django.core.wsgi import get_wsgi_application

        application = get_wsgi_application()
    """,
    "site_urls.py": """
        import inngest, inngest.django
        from django.urls import include, path, re_path

        client = inngest.Inngest(app_id="site")

        @client.create_function(fn_id="hello", trigger=inngest.TriggerEvent(event="site/hello"))
        def hello(ctx, step):
            return step.run("say", lambda: "hello")

        jobs = [inngest.django.serve(client, [hello], serve_path="/inngest")]
        urlpatterns = [
            path("<int:shop>/page", lambda request, shop: None),
            path("shop/", include([re_path("^jobs/", include(jobs))])),
        ]
    """,
    "manage.py": """
        import os, sys
        from django.core.management import execute_from_command_line

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
        execute_from_command_line(sys.argv)
    """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of its own, with the endpoint under two prefixes."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, source in PROJECT.items():
        (folder / name).write_text(textwrap.dedent(source))
    return folder


def test_a_project_elsewhere_whose_endpoint_is_under_prefixes(project: Path) -> None:
    arguments = ("--persist=kept.db", "--app-port=0", "--retry-interval=1", "--host=127.0.0.1")
    with inngest_dev(["project/manage.py"], *arguments, folder=project.parent) as session:
        origin = session.origin()
        assert "/shop/jobs/inngest" in session.until("  app  ")
        session.until("ready:")
        assert "keeps runs in kept.db" in session.seen
        assert "no signing key" not in session.seen  # the project is loaded by the app's process only
        run("send", "site/hello", "{}", "--url", origin)
        session.until("run completed")


@pytest.mark.parametrize("options", [(), ("--asgi",)], ids=["wsgi", "asgi"])
def test_the_process_that_serves_runs_the_system_checks(options: tuple[str, ...], project: Path) -> None:
    with (project / "site_settings.py").open("a") as settings:
        settings.write("LANGUAGE_CODE = 'no language'\n")
    with inngest_dev(["manage.py"], *options, folder=project) as session:
        assert "LANGUAGE_CODE" in session.until("CommandError: ")
        assert session.process.wait() == 1


def test_migrations_that_were_not_applied_are_told_at_start_up(project: Path) -> None:
    with (project / "site_settings.py").open("a") as settings:
        settings.write("INSTALLED_APPS.append('inngest_django.outbox')\n")
        settings.write("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'new.db'}}\n")
    with inngest_dev(["manage.py"], folder=project) as session:
        assert "inngest_outbox" in session.until("You have 1 unapplied migration(s).")
        session.until("manage.py migrate")


def test_what_is_wrong_is_said_in_one_line(project: Path) -> None:
    with inngest_dev(["manage.py"], "--path=/nowhere", folder=project) as session:
        assert "does not serve functions at --path /nowhere" in session.until("CommandError: ")
        assert session.process.wait() == 1
    (project / "manage.py").write_text(
        "import sys\n"
        "from django.conf import settings\n"
        "from django.core.management import execute_from_command_line\n"
        "settings.configure(INSTALLED_APPS=['inngest_django'])\n"
        "execute_from_command_line(sys.argv)\n"
    )
    with inngest_dev(["manage.py"], folder=project) as session:
        assert "DJANGO_SETTINGS_MODULE must be set" in session.until("CommandError")
        assert session.process.wait() == 1
