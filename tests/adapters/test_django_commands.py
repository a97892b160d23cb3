"""Django: the commands of `inngest` as commands of `manage.py`, with Django's options, output and errors."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.test import override_settings

import inngest
import inngest.django
from inngest_cli.main import command_parsers
from tests.bad_input.served import KEY
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import shop

from .django_projects import Project
from .django_sites import patterns_of

SENT = {"*": [(200, {"ids": ["01EVENT"], "status": 200})]}


def call(*arguments: str, **options: Any) -> str:
    """Run a command in this process; return what it printed."""
    printed = io.StringIO()
    call_command(*arguments, stdout=printed, **options)
    return printed.getvalue()


def settings_for(engine: EngineDouble, **more: Any) -> dict[str, Any]:
    given = {"APP_ID": "shop", "IS_PRODUCTION": True, "SIGNING_KEY": KEY, "EVENT_KEY": "key-1", **more}
    return {**given, "API_BASE_URL": engine.origin, "EVENT_API_BASE_URL": engine.origin}


def test_every_command_of_the_command_line_is_there() -> None:
    assert {f"inngest_{name}" for name in command_parsers()} <= get_commands().keys()
    shown = io.StringIO()
    with pytest.raises(SystemExit), override_settings(INNGEST=None):
        call("inngest", "--help", stderr=shown)


def test_an_event_goes_to_the_engine_of_the_settings(engine: EngineDouble) -> None:
    engine.reset(SENT)
    with override_settings(INNGEST=settings_for(engine)):
        assert call("inngest_send", "shop/hello", '{"n": 1}').splitlines()[0] == "sent shop/hello 01EVENT"
        assert call("inngest", "send", "shop/hello").splitlines()[0] == "sent shop/hello 01EVENT"
    first, second = engine.requests
    assert (first.path, first.json()) == ("/e/key-1", {"name": "shop/hello", "data": {"n": 1}})
    assert (second.path, second.json()) == ("/e/key-1", {"name": "shop/hello", "data": {}})


def test_the_doctor_looks_at_the_engine_of_the_settings(engine: EngineDouble) -> None:
    engine.reset({"GET /health": [(200, {"status": 200})], "GET /api/v2/apps": [(200, {"data": []})]})
    printed = io.StringIO()
    with override_settings(INNGEST=settings_for(engine)), pytest.raises(SystemExit):
        call_command("inngest_doctor", "--json", stdout=printed)
    wrong = [one["check"] for one in json.loads(printed.getvalue())["checks"] if not one["ok"]]
    assert wrong == ["apps"]
    assert engine.requests[-1].headers["authorization"].startswith("Bearer signkey-")


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["inngest_send", "x", "[1]"], "expected an object", 2),
        (["inngest_send", "x", "--url=nowhere"], "--url 'nowhere' is not a URL", 2),
        (["inngest_send", "x", "--url=http://127.0.0.1:1"], "no engine is running at http://127.0.0.1:1", 1),
        (["inngest", "runs", "--url=http://127.0.0.1:1"], "no engine is running at http://127.0.0.1:1", 1),
        (["inngest_send"], "the following arguments are required: NAME", 1),
        (["inngest", "nothing"], "invalid choice: 'nothing'", 1),
    ],
)
def test_what_the_user_can_fix_is_djangos_command_error(arguments: list[str], said: str, code: int) -> None:
    with pytest.raises(CommandError) as raised:
        call(*arguments)
    assert said in str(raised.value)
    assert raised.value.returncode == code


# --- inngest_sync


def test_the_project_is_registered_without_a_request_to_it(engine: EngineDouble) -> None:
    engine.reset({"*": [(200, {"ok": True, "modified": True})]})
    with shop(api_base_url=engine.origin) as served, override_settings(ROOT_URLCONF=tuple(patterns_of(served))):
        printed = call("inngest_sync", "https://shop.example/")
        assert printed == "app: 2 functions at /api/inngest: Successfully registered\n"
        one = (inngest.django.serve(served.client, served.functions[:1]),)
        with override_settings(ROOT_URLCONF=one):
            assert call("inngest_sync", "https://shop.example").startswith("app: 1 function at /api/inngest: ")
    told = engine.requests[0]
    assert told.path == "/fn/register"
    assert told.json()["url"] == "https://shop.example/api/inngest"
    assert [function["id"] for function in told.json()["functions"]] == ["app-plain", "app-async"]


def test_a_registration_that_fails_is_djangos_command_error(engine: EngineDouble) -> None:
    engine.reset({"*": [(400, {"error": "no such app"})]})
    with shop(api_base_url=engine.origin) as served:
        with override_settings(ROOT_URLCONF=tuple(patterns_of(served))):
            with pytest.raises(CommandError, match=r"app at /api/inngest: .*no such app"):
                call("inngest_sync", "https://shop.example")
            with pytest.raises(CommandError, match="not known"):
                call("inngest_sync")
            with pytest.raises(CommandError, match=r"'shop\.example'"):
                call("inngest_sync", "shop.example")
        patterns = tuple(patterns_of(served, serve_origin="https://other.example"))
        with override_settings(ROOT_URLCONF=patterns), pytest.raises(CommandError, match="leave https://shop"):
            call("inngest_sync", "https://shop.example")
    with override_settings(ROOT_URLCONF=()), pytest.raises(CommandError, match=r"include\(\"inngest_django.urls\"\)"):
        call("inngest_sync", "https://shop.example")


@pytest.mark.live
def test_in_a_project(tmp_path: Path, engine: EngineDouble) -> None:
    project = Project(tmp_path)
    project.add("site_settings.py", f"INNGEST |= {{'EVENT_API_BASE_URL': '{engine.origin}'}}\n")
    engine.reset(SENT)
    assert "sent shop/hello 01EVENT" in project.manage("inngest_send", "shop/hello", "--no-color")
    assert json.loads(engine.requests[0].body)["name"] == "shop/hello"
    said = project.manage("inngest_send", "shop/hello", "[]", code=2)
    assert said.startswith("CommandError: DATA_JSON")
    assert "--settings" in project.manage("inngest_dev", "--help")
    assert "--persist" in project.manage("inngest", "dev", "--help")
    assert "no issues" in project.manage("check")
