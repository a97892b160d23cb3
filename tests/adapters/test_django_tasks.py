"""`django.tasks`, or its backport: tasks as durable functions, on the bundled engine and in a project of their own."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest

from .django_projects import Project

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        django.VERSION < (6, 0) and importlib.util.find_spec("django_tasks") is None,
        reason="before Django 6, the backport django-tasks is needed",
    ),
]

SETTINGS = """
    SECRET_KEY = "x"
    ROOT_URLCONF = "site_urls"
    ALLOWED_HOSTS = ["*"]
    INSTALLED_APPS = ["inngest_django", "shop"]
    USE_TZ = True
    INNGEST = {"APP_ID": "shop"}
    TASKS = {
        "default": {
            "BACKEND": "inngest_django.tasks.InngestBackend",
            "QUEUES": ["default", "mail"],
            "OPTIONS": {"RETRIES": 1, "CONCURRENCY": {"mail": 1}},
        },
        "all": {"BACKEND": "inngest_django.tasks.InngestBackend", "QUEUES": [], "OPTIONS": {"RETRIES": 0}},
    }
"""
TASKS = """
    import inngest
    try:
        from django.tasks import task
    except ImportError:
        from django_tasks import task

    attempts, order = [], []

    @task
    def add(a, b=1):
        return {"sum": a + b}

    @task(queue_name="mail", priority=10)
    async def greet(name):
        return await inngest.current(inngest.Context).step.run("greet", lambda: f"hello, {name}")

    @task(takes_context=True)
    def flaky(context):
        attempts.append(context.attempt)
        if context.attempt == 1:
            raise LookupError("not yet")
        return context.attempt

    class Refused(Exception):
        pass

    @task(backend="all")
    def refuse():
        raise Refused("no")

    @task
    def note(name):
        order.append(name)

    gone = add
"""
SCENARIO = """
    import asyncio, datetime, json, os, sys, time
    from inngest_devserver.engine import Options
    from inngest_devserver.server import DevServer
    from tests.stage.servers import by_waitress

    with DevServer(Options(sink=None, retry_interval=0.01), port=0) as server:
        os.environ.update(INNGEST_DEV=server.origin, DJANGO_SETTINGS_MODULE="site_settings")
        from django.core.wsgi import get_wsgi_application
        app = get_wsgi_application()
        from django.utils import timezone
        from shop import tasks
        from inngest_django.tasks.framework import (
            TaskResultDoesNotExist, task_enqueued, task_finished, task_started
        )
        signals = []
        receivers = [
            lambda sender, task_result, label=label, **_: signals.append([label, task_result.id, task_result.status])
            for label in ("enqueued", "started", "finished")
        ]
        for signal, receiver in zip((task_enqueued, task_started, task_finished), receivers):
            signal.connect(receiver)

        def ended(result):
            deadline = time.monotonic() + 60
            while not result.is_finished:
                assert time.monotonic() < deadline, result
                time.sleep(0.02)
                result.refresh()
            return result

        with by_waitress(app) as port:
            server.register_and_wait(f"http://127.0.0.1:{port}/jobs/api/inngest")
            found = {}
            first = tasks.add.enqueue(2, b=3)
            found["before"] = [first.status, first.args, first.kwargs]
            found["value"] = ended(first).return_value
            found["whole"] = [
                first.enqueued_at is not None, first.started_at <= first.finished_at, first.attempts, first.backend
            ]
            found["same"] = tasks.add.get_result(first.id).return_value
            greeted = asyncio.run(tasks.greet.aenqueue("ada"))
            found["async"] = [ended(greeted).return_value, greeted.task.priority, greeted.task.queue_name]
            found["flaky"] = [ended(tasks.flaky.enqueue()).return_value, tasks.attempts]
            refused = ended(tasks.refuse.using(queue_name="whatever").enqueue())
            error = refused.errors[0]
            found["failed"] = [refused.status, error.exception_class.__name__, "raise Refused" in error.traceback]
            soon = timezone.now() + datetime.timedelta(seconds=0.3)
            tomorrow = tasks.note.using(run_after=soon + datetime.timedelta(days=1)).enqueue("tomorrow")
            later = tasks.note.using(run_after=soon).enqueue("later")
            ended(tasks.note.enqueue("now"))
            found["order"] = [ended(later).finished_at >= soon, sorted(tasks.order)]
            tomorrow.refresh()
            found["tomorrow"] = tomorrow.is_finished
            try:
                tasks.add.get_result("01ARZ3NDEKTSV4RRFFQ69G5FAV")
            except TaskResultDoesNotExist:
                found["unknown"] = True
            found["signals"] = [[label, status] for label, id, status in signals if id == refused.id]
            found["count"] = sorted({label for label, *_ in signals})
            print(json.dumps(found))
            from inngest.django import get_client
            get_client().close()
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What came of tasks in a project, whose functions run on an engine in the same process."""
    files = {"site_settings.py": SETTINGS, "shop/tasks.py": TASKS, "manage.py": SCENARIO}
    project = Project(tmp_path_factory.mktemp("tasks"), **files)
    [line] = [line for line in project.manage().splitlines() if line.startswith("{")]  # the rest is the log
    yield json.loads(line)


def test_a_task_runs_and_its_result_is_found(found: dict[str, Any]) -> None:
    assert found["before"] == ["READY", [2], {"b": 3}]
    assert found["value"] == found["same"] == {"sum": 5}
    assert found["whole"] == [True, True, 1, "default"]
    assert found["unknown"] is True


def test_an_async_task_has_durable_steps_of_its_own(found: dict[str, Any]) -> None:
    assert found["async"] == ["hello, ada", 10, "mail"]


def test_a_task_that_fails_is_tried_again_and_knows_its_attempt(found: dict[str, Any]) -> None:
    assert found["flaky"] == [2, [1, 2]]


def test_a_task_that_failed_for_good_says_why(found: dict[str, Any]) -> None:
    assert found["failed"] == ["FAILED", "Refused", True]


def test_a_task_waits_for_its_time(found: dict[str, Any]) -> None:
    assert found["order"] == [True, ["later", "now"]]
    assert found["tomorrow"] is False


def test_the_signals_are_sent(found: dict[str, Any]) -> None:
    told = [each for each in found["signals"] if each != ["enqueued", "READY"]]  # a task may start before that is told
    assert told == [["started", "RUNNING"], ["finished", "FAILED"]]
    assert len(found["signals"]) == 3
    assert found["count"] == ["enqueued", "finished", "started"]


WRONG = {
    "an option": ({'"RETRIES": 1': '"RETRY": 1'}, 'TASKS["default"]["OPTIONS"]["RETRY"] is not an option'),
    "a value": ({'"RETRIES": 1': '"RETRIES": 21'}, 'TASKS["default"]["OPTIONS"]["RETRIES"] is 21; give a whole'),
    "a queue": ({'{"mail": 1}': '{"post": 1}'}, "names the queue 'post', which the backend does not have; its queues"),
    "a limit": ({'{"mail": 1}': '"many"'}, 'TASKS["default"]["OPTIONS"]["CONCURRENCY"] is \'many\'; give a whole'),
}


@pytest.mark.parametrize(("changes", "said"), WRONG.values(), ids=WRONG.keys())
def test_an_option_that_does_not_fit_is_refused_at_start_up(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    settings = SETTINGS
    for old, new in changes.items():
        settings = settings.replace(old, new)
    lines = Project(tmp_path, **{"site_settings.py": settings}).manage("check", code=1).splitlines()
    assert "ImproperlyConfigured" in lines[-1]
    assert said in lines[-1]


@pytest.mark.parametrize("missing", ['INNGEST = {"APP_ID": "shop"}', '"inngest_django", '])
def test_without_the_app_it_says_what_is_missing(missing: str, tmp_path: Path) -> None:
    settings = SETTINGS.replace(missing, "")
    project = Project(tmp_path, **{"site_settings.py": settings, "shop/tasks.py": TASKS})
    project.write("shop/inngest_functions.py", "")
    project.write("shop/__init__.py", "import shop.tasks")
    project.write("site_urls.py", "urlpatterns = []")
    last = project.manage("check", code=1).splitlines()[-1]
    assert "ImproperlyConfigured: " in last
    assert 'TASKS["default"] needs the app inngest_django' in last
