"""System checks of what the project serves, and how. `manage.py check`, `runserver` and `inngest_dev` run them."""

from __future__ import annotations

import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name for it
from django.http.request import split_domain_port, validate_host

from inngest_core.client import Inngest
from inngest_core.config import Mode
from inngest_core.serving.app import App

from .hosted import endpoints
from .project import foreign_functions, get_client, is_configured

DEBUG_HOSTS = (".localhost", "127.0.0.1", "[::1]")
"""What Django allows while DEBUG is on and ALLOWED_HOSTS is empty."""


def _check(*tags: str, deploy: bool = False) -> Callable[[Callable[[], Iterator[CheckMessage]]], object]:
    """Register a generator of messages as a system check."""

    def decorate(check: Callable[[], Iterator[CheckMessage]]) -> object:
        def run(**_: object) -> list[CheckMessage]:
            return list(check())

        return register(run, *tags, deploy=deploy)

    return decorate


@_check(Tags.urls)
def _one_endpoint_at_a_path() -> Iterator[CheckMessage]:
    """Django would only ever find the first one."""
    for path, count in Counter(path for path, _ in endpoints()).items():
        if count > 1:
            yield Warning(
                f"{count} inngest.django.serve() patterns are at {path}; requests only reach the first one",
                hint="List all functions of a client in one serve(), and give each further client a serve_path of its "
                "own.",
                id="inngest.W001",
            )


@_check(Tags.security, deploy=True)
def _keys() -> Iterator[CheckMessage]:
    for client in _clients():
        who, config = f'The app "{client.app_id}"', client.config
        if config.mode is Mode.DEV:
            yield Warning(
                f"{who} is in dev mode ({config.mode_reason}), in which anybody can call its functions.",
                hint="Unset INNGEST_DEV where the project is deployed, or set IS_PRODUCTION to True.",
                id="inngest.W008",
            )
            continue
        if config.signing_keys is None:
            yield Error(
                f"{who} is in cloud mode ({config.mode_reason}) and has no signing key, so it refuses every request.",
                hint='Set INNGEST_SIGNING_KEY, or INNGEST["SIGNING_KEY"] in the settings.',
                id="inngest.E002",
            )
        if config.event_key is None:
            yield Warning(
                f"{who} is in cloud mode ({config.mode_reason}) and has no event key, so it cannot send events.",
                hint='Set INNGEST_EVENT_KEY, or INNGEST["EVENT_KEY"] in the settings.',
                id="inngest.W003",
            )


@_check(Tags.urls)
def _one_endpoint_for_a_function() -> Iterator[CheckMessage]:
    """An engine knows an app by its id, and calls it where it registered last."""
    served: dict[str, list[str]] = {}
    for path, app in endpoints():
        for function in app.functions:
            served.setdefault(function.id, []).append(path)
    for function_id, paths in served.items():
        if len(set(paths)) > 1:
            yield Warning(
                f'The function "{function_id}" is served at {" and at ".join(sorted(set(paths)))}; an engine calls it '
                "where its app registered last.",
                hint="Serve the functions of an app at one path, or give one of the clients another app_id.",
                id="inngest.W004",
            )


@_check(Tags.security)
def _hosts() -> Iterator[CheckMessage]:
    for path, app in endpoints():
        origin = app.options.get("serve_origin") or app.client.config.serve_origin
        host = split_domain_port(urllib.parse.urlsplit(origin or "").netloc)[0]
        allowed = settings.ALLOWED_HOSTS or (DEBUG_HOSTS if settings.DEBUG else ())
        if host and not validate_host(host, allowed):
            yield Warning(
                f"ALLOWED_HOSTS does not allow {host!r}, where the engine is told to call {path}; Django would refuse "
                "its requests.",
                hint="Add the host to ALLOWED_HOSTS, unless a proxy sends another Host header.",
                id="inngest.W005",
            )


@_check(Tags.database)
def _databases() -> Iterator[CheckMessage]:
    if not any(app.functions for _, app in endpoints()):
        return
    for alias in databases_of_one_thread(settings.DATABASES):
        yield Warning(
            f"The database {alias!r} is in memory, and each thread has one of its own. Plain functions under ASGI, and "
            "async functions under WSGI, run in other threads than requests, and find it empty.",
            hint="Use a file, or a name such as 'file:shop?mode=memory&cache=shared'.",
            id="inngest.W006",
        )


@_check(Tags.urls)
def _functions_of_other_clients() -> Iterator[CheckMessage]:
    if not is_configured():
        return
    served = {function.id for _, app in endpoints() for function in app.functions}
    for module, function in foreign_functions():
        if function.id not in served:
            yield Warning(
                f'The function "{function.id}" in {module} is served nowhere: it was defined with another client than '
                f'that of the setting INNGEST, the app "{get_client().app_id}".',
                hint="Define it with get_client(), or add inngest.django.serve() with its own client to urlpatterns.",
                id="inngest.W007",
            )


def databases_of_one_thread(databases: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the aliases of SQLite databases in memory that threads do not share.

    databases: the setting DATABASES.
    """
    for alias, database in databases.items():
        name = str(database.get("NAME", ""))
        in_memory = name == ":memory:" or "mode=memory" in name
        if "sqlite3" in str(database.get("ENGINE", "")) and in_memory and "cache=shared" not in name:
            yield alias


def _clients() -> list[Inngest]:
    """Return the clients of the project, each once."""
    apps: list[App] = [app for _, app in endpoints()]
    clients = [app.client for app in apps] + ([get_client()] if is_configured() else [])
    return list({id(client): client for client in clients}.values())
