"""Django: the app `inngest_django`: settings, discovery, system checks, and what is refused when a project starts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings
from django.urls import clear_url_caches

import inngest
import inngest.django
from inngest_django.checks import databases_of_one_thread
from tests.bad_input.served import KEY
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import BODY, expect_ran, query, shop
from tests.targets.django_app import patterns_of_the_app
from tests.targets.django_site import DATABASE

from .django_projects import Project
from .django_sites import patterns_of, under_asgi, under_wsgi

DEV: dict[str, Any] = {"APP_ID": "shop", "IS_PRODUCTION": False}


SERIALIZER = inngest.PydanticSerializer()


class Strict:
    """A serializer that is not made without knowing how."""

    def __init__(self, how: str) -> None: ...


class Loud(inngest.MiddlewareSync):
    """Named by the settings of a test."""


@pytest.fixture(autouse=True)
def no_url_cache() -> Iterator[None]:
    """Forget the resolvers of this module's patterns."""
    yield
    clear_url_caches()


# --- the setting INNGEST


def test_the_setting_describes_the_client() -> None:
    given = {
        **DEV,
        "APP_VERSION": "7",
        "EVENT_KEY": "event-key",
        "API_BASE_URL": "http://engine.example",
        "LOGGER": "shop.jobs",
        "MIDDLEWARE": [f"{__name__}.Loud"],
        "SERIALIZER": f"{__name__}.SERIALIZER",
        "STREAMING": "disable",
    }
    with override_settings(INNGEST=given):
        client = inngest.django.get_client()
        assert client is inngest.django.get_client()
        assert (client.app_id, client.app_version, client.event_key) == ("shop", "7", "event-key")
        assert client.api_origin == "http://engine.example"
        assert client.logger is logging.getLogger("shop.jobs")
        assert client.middleware == [Loud]
        assert client.serializer is SERIALIZER
        assert client.config.streaming is inngest.Streaming.DISABLE
        client.close()


MISTAKES: dict[str, tuple[Any, list[str]]] = {
    "missing": (None, ["the setting INNGEST is missing", '{"APP_ID": "shop"}']),
    "no dict": (["shop"], ["the setting INNGEST is list", '{"APP_ID": "shop"}']),
    "no app id": ({}, ['INNGEST["APP_ID"] is missing']),
    "unknown": ({"APP_ID": "a", "SIGNIN_KEY": "x"}, ['INNGEST["SIGNIN_KEY"]', 'did you mean INNGEST["SIGNING_KEY"]?']),
    "lower case": ({"app_id": "shop"}, ['INNGEST["app_id"] is not a setting', 'did you mean INNGEST["APP_ID"]?']),
    "far from any": ({"APP_ID": "a", "?": 1}, ['INNGEST["?"] is not a setting', "APP_ID", "SERVE_PATH", "FUNCTIONS"]),
    "a value": ({"APP_ID": 7}, ['INNGEST["APP_ID"]', "app_id is 7"]),
    "of serve": ({**DEV, "SERVE_PATH": 7}, ['INNGEST["SERVE_PATH"]', "give a str"]),
    "middleware": ({**DEV, "MIDDLEWARE": ["shop.nowhere"]}, ['INNGEST["MIDDLEWARE"]', "'shop.nowhere'"]),
    "a key that is no text": ({**DEV, "SIGNING_KEY": 7}, ['INNGEST["SIGNING_KEY"]: signing_key is an int; give a str']),
    "another key": ({**DEV, "EVENT_KEY": 7}, ['INNGEST["EVENT_KEY"]: event_key is an int; give a str']),
    "environment": ({**DEV, "ENV": 7}, ['INNGEST["ENV"]: env is an int; give a str']),
    "mode": (
        {"APP_ID": "a", "IS_PRODUCTION": "yes"},
        ['INNGEST["IS_PRODUCTION"]', "is_production is 'yes'; give True"],
    ),
    "logger": ({**DEV, "LOGGER": 7}, ['INNGEST["LOGGER"]: logger is an int; give a logging.Logger']),
    "time-out": ({**DEV, "REQUEST_TIMEOUT": -3}, ['INNGEST["REQUEST_TIMEOUT"]: request_timeout: -3 is negative']),
    "origin": ({**DEV, "SERVE_ORIGIN": "shop.example"}, ['INNGEST["SERVE_ORIGIN"]', "does not begin with http"]),
    "a serializer that needs something": (
        {**DEV, "SERIALIZER": f"{__name__}.Strict"},
        [
            'INNGEST["SERIALIZER"] names ',
            "Strict', of which none can be made: ",
            "missing 1 required positional argument",
        ],
    ),
    "relay": ({**DEV, "OUTBOX_RELAY": "yes"}, ["INNGEST[\"OUTBOX_RELAY\"] is 'yes'; give True or False"]),
    "no client": ({"CLIENT": "os.path"}, ["INNGEST[\"CLIENT\"] is 'os.path', a module", "inngest.Inngest"]),
    "client elsewhere": ({"CLIENT": "nowhere.client"}, ['INNGEST["CLIENT"]', "cannot be imported"]),
    "client and more": ({"CLIENT": "os.path", "APP_ID": "a"}, ['INNGEST["APP_ID"]', 'INNGEST["CLIENT"]']),
}


@pytest.mark.parametrize(("given", "parts"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_setting_that_does_not_fit_is_improperly_configured(given: Any, parts: list[str]) -> None:
    with override_settings(INNGEST=given), pytest.raises(ImproperlyConfigured) as raised:
        inngest.django.get_client()
    for part in parts:
        assert part in str(raised.value)


# --- discovery, at start-up


START: dict[str, tuple[dict[str, str], list[str]]] = {
    "a relay without an outbox": (
        {
            "site_settings.py": "SECRET_KEY = 'x'\nUSE_TZ = True\nINSTALLED_APPS = ['inngest_django']\n"
            "INNGEST = {'APP_ID': 'x', 'IS_PRODUCTION': False, 'OUTBOX_RELAY': True}\n"
        },
        ['INNGEST["OUTBOX_RELAY"] needs the outbox; add "inngest_django.outbox" to INSTALLED_APPS'],
    ),
    "a module that fails": (
        {"shop/inngest_functions.py": "import nothing_like_it\n"},
        ["shop.inngest_functions", "the app 'shop' in INSTALLED_APPS", "No module named 'nothing_like_it'"],
    ),
    "one id twice": (
        {"shop/inngest_functions.py": "from shop.one import fn\nfrom shop.two import fn as other\n"},
        ['two functions have the fn_id "same"', "shop.inngest_functions"],
    ),
    "a setting": (
        {
            "site_settings.py": "SECRET_KEY = 'x'\nUSE_TZ = True\nINSTALLED_APPS = ['inngest_django']\n"
            "INNGEST = {'APP_IDS': 'x'}\n"
        },
        ['INNGEST["APP_IDS"] is not a setting', 'did you mean INNGEST["APP_ID"]?'],
    ),
    "a module that the setting names": (
        {
            "site_settings.py": "SECRET_KEY = 'x'\nUSE_TZ = True\nINSTALLED_APPS = ['inngest_django']\n"
            "INNGEST = {'APP_ID': 'x', 'IS_PRODUCTION': False, 'FUNCTIONS': ['nowhere']}\n"
        },
        ['INNGEST["FUNCTIONS"]', "nowhere", "cannot be imported"],
    ),
}
SAME = """
    import inngest
    from inngest.django import get_client

    @get_client().create_function(fn_id="same")
    def fn(ctx, step):
        return None
"""


@pytest.mark.live
@pytest.mark.parametrize(("files", "parts"), START.values(), ids=START.keys())
def test_what_is_wrong_is_said_when_the_project_starts(files: dict[str, str], parts: list[str], tmp_path: Path) -> None:
    project = Project(tmp_path, **{"shop/one.py": SAME, "shop/two.py": SAME, **files})
    (tmp_path / "start.py").write_text("from django.core.wsgi import get_wsgi_application\nget_wsgi_application()\n")
    (tmp_path / "manage.py").write_text("import start\n")
    said = project.manage(code=1, DJANGO_SETTINGS_MODULE="site_settings").splitlines()[-1]
    assert "ImproperlyConfigured: " in said
    for part in parts:
        assert part in said


def test_functions_of_the_app_are_served_under_wsgi_and_asgi() -> None:
    with shop() as served:
        patterns = patterns_of_the_app(served.client, served.functions)
        for connect in (under_wsgi, under_asgi):
            send = connect(patterns)
            assert json.loads(send("GET", "", {}, b"").body)["function_count"] == 2
            expect_ran(send("POST", query("plain"), {}, BODY), "plain")
            expect_ran(send("POST", query("async"), {}, BODY), "async")


# --- system checks


def ids_of(*tags: str, deploy: bool = False) -> list[tuple[str | None, str]]:
    """Return what the system checks say, of ours."""
    messages = run_checks(tags=tags or None, include_deployment_checks=deploy)
    return [(message.id, message.msg) for message in messages if (message.id or "").startswith("inngest.")]


def test_keys_are_checked_for_deployment() -> None:
    cloud = {"APP_ID": "shop", "IS_PRODUCTION": True}
    with override_settings(INNGEST=cloud, ROOT_URLCONF=()):
        assert [found for found, _ in ids_of(deploy=True)] == ["inngest.E002", "inngest.W003"]
        assert ids_of() == []
    with override_settings(INNGEST={**cloud, "SIGNING_KEY": KEY, "EVENT_KEY": "k"}, ROOT_URLCONF=()):
        assert ids_of(deploy=True) == []
    with override_settings(INNGEST=DEV, ROOT_URLCONF=()):
        [(found, said)] = ids_of(deploy=True)
        assert found == "inngest.W008"
        assert "dev mode" in said


def test_one_function_at_two_paths() -> None:
    with shop() as served:
        patterns = (*patterns_of(served), *patterns_of(served, serve_path="/other"))
        with override_settings(ROOT_URLCONF=patterns):
            found = ids_of("urls")
            assert [each for each, _ in found] == ["inngest.W004", "inngest.W004"]
            assert 'The function "app-plain" is served at /api/inngest and at /other;' in found[0][1]


def test_an_origin_that_allowed_hosts_does_not_allow() -> None:
    with shop() as served:
        patterns = tuple(patterns_of(served, serve_origin="https://shop.example:8000"))
        with override_settings(ROOT_URLCONF=patterns, ALLOWED_HOSTS=["other.test"]):
            [(found, said)] = ids_of("security")
            assert found == "inngest.W005"
            assert "'shop.example'" in said
        with override_settings(ROOT_URLCONF=patterns, ALLOWED_HOSTS=[".example"]):
            assert ids_of("security") == []


def test_a_database_that_only_one_thread_has() -> None:
    memory = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    shared = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:x?mode=memory&cache=shared"}}
    assert list(databases_of_one_thread(memory)) == ["default"]
    assert list(databases_of_one_thread(shared)) == []


def test_functions_of_another_client_that_are_served_nowhere() -> None:
    with shop() as served, override_settings(INNGEST={**DEV, "FUNCTIONS": [__name__]}, ROOT_URLCONF=()):
        globals()["FOREIGN"] = served.functions[:1]
        try:
            [(found, said)] = ids_of("urls")
            assert found == "inngest.W007"
            assert '"app-plain"' in said
            assert __name__ in said
            with override_settings(ROOT_URLCONF=tuple(patterns_of(served))):
                assert ids_of("urls") == []
        finally:
            del globals()["FOREIGN"]


# --- send_on_commit


@pytest.fixture
def database() -> Iterator[None]:
    yield
    DATABASE.unlink(missing_ok=True)


@pytest.mark.usefixtures("database")
def test_events_are_sent_on_commit_and_not_after_a_rollback(engine: EngineDouble) -> None:
    given = {**DEV, "API_BASE_URL": engine.origin, "EVENT_API_BASE_URL": engine.origin}
    event = inngest.Event(name="shop/order.placed", data={"order": 1})
    engine.reset({"*": [(200, {"ids": ["1"], "status": 200})]})
    with override_settings(INNGEST=given):
        with transaction.atomic():
            inngest.django.send_on_commit(event)
            assert engine.requests == []
        assert [sent["name"] for sent in json.loads(engine.requests[0].body)] == ["shop/order.placed"]
        with pytest.raises(ValueError, match="undo"), transaction.atomic():
            inngest.django.send_on_commit([event])
            raise ValueError("undo")
        assert len(engine.requests) == 1
        with pytest.raises(inngest.InngestError, match=r"events\[0\]"):
            inngest.django.send_on_commit(["shop/order.placed"])  # type: ignore[list-item]
