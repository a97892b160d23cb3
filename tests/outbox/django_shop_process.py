"""The shop of `shop_process` in a Django project: it has the same commands, and does the same."""

from __future__ import annotations

import importlib
import urllib.parse
from typing import Any

import django
from django.conf import settings

import inngest

from .shop_process import POLICY, commits, obey, say

CREATE = "CREATE TABLE orders (number INTEGER NOT NULL PRIMARY KEY)"
KINDS = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql"}


def database(url: str) -> dict[str, Any]:
    """Return what Django's settings say of the database at an URL of SQLAlchemy's."""
    parts = urllib.parse.urlsplit(url)
    kind = parts.scheme.partition("+")[0]
    engine = f"django.db.backends.{KINDS[kind]}"
    if kind == "sqlite":
        return {"ENGINE": engine, "NAME": parts.path.removeprefix("/"), "OPTIONS": {"timeout": 60}}
    [(_, host)] = urllib.parse.parse_qsl(parts.query)
    return {"ENGINE": engine, "NAME": parts.path.strip("/"), "USER": parts.username, "HOST": host}


class Shop:
    """The shop in Django."""

    def __init__(self, url: str, origin: str) -> None:
        pymysql: Any = importlib.import_module("pymysql")  # it has no types
        pymysql.version_info = (2, 2, 1, "final", 0)  # Django asks for that of mysqlclient
        pymysql.install_as_MySQLdb()
        settings.configure(
            DATABASES={"default": database(url)},
            INSTALLED_APPS=["inngest_django", "inngest_django.outbox"],
            USE_TZ=True,
            INNGEST={
                "APP_ID": "shop",
                "IS_PRODUCTION": False,
                "API_BASE_URL": origin,
                "EVENT_API_BASE_URL": origin,
            },
        )
        django.setup()

    def prepare(self) -> None:
        from django.core.management import call_command
        from django.db import connection

        with connection.cursor() as cursor:
            for table in ("orders", "inngest_outbox", "django_migrations"):
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
            cursor.execute(CREATE)
        call_command("migrate", verbosity=0)

    def sell(self, number: int) -> None:
        from django.db import connection, transaction

        from inngest.outbox import django as outbox

        with outbox.relay(policy=POLICY):
            while True:
                with transaction.atomic():
                    with connection.cursor() as cursor:
                        cursor.execute("INSERT INTO orders VALUES (%s)", [number])
                    outbox.add(inngest.Event(name="shop/order", data={"number": number}))
                    transaction.set_rollback(not commits())
                number += 1
                say(str(number))

    def finish(self) -> list[int]:
        from django.db import connection

        from inngest.outbox import django as outbox
        from inngest_django.outbox.models import OutboxEvent

        with connection.cursor() as cursor:
            cursor.execute("SELECT number FROM orders")
            orders = [number for (number,) in cursor.fetchall()]
        relay = outbox.relay(policy=POLICY)
        while OutboxEvent.objects.exists():  # until the last lease ends
            relay.drain()
        return orders


if __name__ == "__main__":
    obey(Shop)
