"""The outbox in a Django project: what commits is sent, what rolls back is not; the command, the admin, the relay."""

from __future__ import annotations

import asyncio
import datetime
import importlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import override_settings

import inngest
from inngest.outbox import django as outbox
from inngest_core.errors import ConfigError
from inngest_django.outbox.models import OutboxEvent
from inngest_django.project import starts_outbox_relay

from .event_api import Events, event

pymysql: Any = importlib.import_module("pymysql")  # it has no types
pymysql.version_info = (2, 2, 1, "final", 0)  # Django asks for that of mysqlclient
pymysql.install_as_MySQLdb()

ENGINES = [
    "sqlite3",
    pytest.param("postgresql", marks=pytest.mark.databases),
    pytest.param("mysql", marks=pytest.mark.databases),
]


@pytest.fixture(params=ENGINES)
def using(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The alias of a database with the table of the outbox, and without events."""
    kind: str = request.param
    where: dict[str, Any] = {"NAME": str(tmp_path / "shop.db"), "OPTIONS": {"timeout": 60}}
    if kind == "postgresql":
        where = {"NAME": "postgres", "USER": "tests", "HOST": request.getfixturevalue("postgres").partition("host=")[2]}
    if kind == "mysql":
        socket = request.getfixturevalue("mariadb").partition("unix_socket=")[2]
        where = {"NAME": "tests", "USER": "root", "HOST": socket}
    alias = f"outbox-{kind}"  # one each: threads of Django keep their connections
    connections.settings[alias] = {
        **connections.settings["default"],
        "ENGINE": f"django.db.backends.{kind}",
        "OPTIONS": {},
        **where,
    }
    connections[alias].close()
    connections[alias].settings_dict.update(where)
    with connections[alias].cursor() as cursor:  # the server may have those of tests without Django
        for table in ("inngest_outbox", "django_migrations"):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
    call_command("migrate", "inngest_outbox", database=alias, verbosity=0)
    yield alias
    call_command("migrate", "inngest_outbox", "zero", database=alias, verbosity=0)
    connections[alias].close()


def rows(using: str) -> list[OutboxEvent]:
    return list(OutboxEvent.objects.using(using).order_by("id"))


def drain(client: inngest.Inngest, using: str, **policy: Any) -> int:
    return outbox.relay(client=client, using=using, policy=outbox.Policy(**policy)).drain()


def test_what_commits_is_sent_and_what_rolls_back_is_not(client: inngest.Inngest, using: str, sent: Events) -> None:
    with transaction.atomic(using=using):
        ids = outbox.add([event("shop/a", n=1), event("shop/b")], client=client, using=using)
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=using):
        outbox.add(event("shop/no"), client=client, using=using)
        _ = 1 / 0
    assert drain(client, using) == 2
    assert [found["id"] for found in sent.taken] == ids
    assert rows(using) == []


def test_without_a_transaction_it_is_written_at_once(client: inngest.Inngest, using: str, sent: Events) -> None:
    outbox.add(event("shop/a"), client=client, using=using)
    asyncio.run(outbox.aadd(event("shop/b"), client=client, using=using))
    assert drain(client, using) == 2
    assert sent.names == ["shop/a", "shop/b"]


def test_a_relay_that_runs_is_told_of_a_commit(client: inngest.Inngest, using: str, sent: Events) -> None:
    policy = outbox.Policy(poll=datetime.timedelta(hours=1))
    with outbox.relay(client=client, using=using, policy=policy):
        for number in range(3):
            with transaction.atomic(using=using):
                outbox.add(event(f"shop/{number}"), client=client, using=using)
            sent.news.until(lambda number=number: len(sent.taken) > number, "the event")  # type: ignore[misc]
    assert sent.names == ["shop/0", "shop/1", "shop/2"]


def test_failures(client: inngest.Inngest, using: str, sent: Events) -> None:
    outbox.add([event("shop/a"), event("shop/bad"), event("shop/b")], client=client, using=using)
    sent.failures = [(503, {"error": "later"})] * 5
    assert drain(client, using) == 0
    assert [(row.attempts, "503" in str(row.error)) for row in rows(using)] == [(1, True)] * 3
    OutboxEvent.objects.using(using).update(due_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    assert drain(client, using) == 2
    (left,) = rows(using)
    assert (left.name, left.due_at) == ("shop/bad", None)


def test_several_relays_send_everything_once(client: inngest.Inngest, using: str, sent: Events) -> None:
    outbox.add([event(f"shop/{number}") for number in range(100)], client=client, using=using)

    def relay() -> None:
        drain(client, using, batch_size=7)
        connections.close_all()

    relays = [threading.Thread(target=relay) for _ in range(3)]
    for each in relays:
        each.start()
    for each in relays:
        each.join(60)
    while rows(using):
        drain(client, using)
    assert sorted(sent.names) == sorted(f"shop/{number}" for number in range(100))


def test_wrong_arguments_are_named(client: inngest.Inngest, using: str) -> None:
    wrong: Any = {"name": "a"}
    with pytest.raises(ConfigError, match="events is a dict"):
        outbox.add(wrong, client=client, using=using)


def said(*words: str) -> str:
    printed = io.StringIO()
    call_command("inngest_outbox", *words, stdout=printed)
    return printed.getvalue()


def test_the_command_sends_shows_and_sends_again(client: inngest.Inngest, using: str, sent: Events) -> None:
    outbox.add([event("shop/a"), event("shop/bad")], client=client, using=using)
    assert said("--database", using, "status").startswith("2 waiting, the oldest since ")
    with override_settings(INNGEST={"CLIENT": client}):
        assert said("--database", using, "relay", "--once") == "sent 1 events\n"
    (left,) = rows(using)
    assert said("--database", using, "status").splitlines() == [
        "0 waiting; 1 set aside",
        f"  {left.id} shop/bad {left.event_id}: {left.error}",
    ]
    assert said("--database", using, "retry") == "1 events are sent again\n"
    assert said("--database", using, "status").startswith("1 waiting")


class ToEvents:
    """A router that has the outbox in a database of its own."""

    def __init__(self, using: str) -> None:
        self._using = using

    def db_for_read(self, model: type[Any], **_: Any) -> str | None:
        return self._using if model is OutboxEvent else None

    db_for_write = db_for_read


def test_the_command_asks_the_database_of_the_routers(client: inngest.Inngest, using: str) -> None:
    with override_settings(DATABASE_ROUTERS=[ToEvents(using)]):
        outbox.add(event("shop/a"), client=client)
        assert said("status").startswith("1 waiting")


def test_the_database_may_be_named_after_the_command(using: str) -> None:
    assert said("status", "--database", using) == "0 waiting; 0 set aside\n"
    with pytest.raises(CommandError, match=r"'nowhere' .*choose from"):
        said("status", "--database", "nowhere")


def test_a_table_that_is_missing_is_an_error_that_names_the_command() -> None:
    with pytest.raises(CommandError, match=r"the database 'default' has no table .* manage.py migrate"):
        said("status")


@pytest.mark.parametrize(("text", "starts"), [("true", True), ("0", False), (False, False)])
def test_the_relay_may_be_switched_by_text_as_the_environment_has_it(text: object, starts: bool) -> None:
    with override_settings(INNGEST={"APP_ID": "shop", "IS_PRODUCTION": False, "OUTBOX_RELAY": text}):
        assert starts_outbox_relay() is starts


def test_a_relay_of_the_process_starts_with_the_first_commit(client: inngest.Inngest, using: str, sent: Events) -> None:
    with override_settings(INNGEST={"CLIENT": client, "OUTBOX_RELAY": True}):
        with transaction.atomic(using=using):
            outbox.add(event("shop/a"), using=using)
        sent.news.until(lambda: sent.taken, "the event")
        outbox.stop_relays()
    assert rows(using) == []


def test_the_model_and_its_migrations_agree() -> None:
    changes = io.StringIO()
    call_command("makemigrations", "inngest_outbox", dry_run=True, stdout=changes)
    assert "No changes detected" in changes.getvalue()
