"""`manage.py inngest_outbox`: run a relay, see what waits, send again what was set aside."""

from __future__ import annotations

import argparse
import signal
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, router

from inngest_django.outbox.models import OutboxEvent
from inngest_django.outbox.sending import relay
from inngest_django.outbox.store import as_datetime


def _add_database(parser: argparse.ArgumentParser, default: str | None) -> None:
    says = "alias of the database; by default the one to which the project's routers write events"
    parser.add_argument("--database", choices=tuple(connections), default=default, help=says)


class Command(BaseCommand):
    help = "Send the events of the outbox, and show what waits in it."

    def add_arguments(self, parser: CommandParser) -> None:
        _add_database(parser, default=None)
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        running = commands.add_parser("relay", help="send events until it is interrupted")
        running.add_argument("--once", action="store_true", help="send what is due now, and end")
        status = commands.add_parser("status", help="show how many events wait, and what was set aside")
        retry = commands.add_parser("retry", help="send again what was set aside")
        for command in (running, status, retry):
            _add_database(command, default=argparse.SUPPRESS)  # it may stand before the command or behind it

    def handle(self, *args: Any, **options: Any) -> None:
        alias: str = options["database"] or router.db_for_write(OutboxEvent)
        if OutboxEvent._meta.db_table not in connections[alias].introspection.table_names():
            raise CommandError(
                f"the database {alias!r} has no table for the outbox; run: manage.py migrate --database {alias}"
            )
        match options["command"]:
            case "relay":
                self._relay(alias, once=options["once"])
            case "status":
                self._status(alias)
            case _:
                self._retry(alias)

    def _relay(self, alias: str, *, once: bool) -> None:
        sender = relay(using=alias)
        if once:
            self.stdout.write(f"sent {sender.drain()} events")
            return

        def stop(*_: object) -> None:
            sender.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        self.stdout.write(f"sending the events of the outbox in the database {alias!r}; stop with Ctrl+C")
        sender.run()
        self.stdout.write(f"sent {sender.sent} events")

    def _status(self, alias: str) -> None:
        rows = OutboxEvent.objects.using(alias)
        waiting = rows.exclude(due_at=None)
        oldest = waiting.order_by("written_at").first()
        since = f", the oldest since {oldest.written_at:%Y-%m-%d %H:%M:%S}" if oldest is not None else ""
        aside = list(rows.filter(due_at=None))
        self.stdout.write(f"{waiting.count()} waiting{since}; {len(aside)} set aside")
        for row in aside:
            self.stdout.write(f"  {row.id} {row.name} {row.event_id}: {row.error}")

    def _retry(self, alias: str) -> None:
        now = as_datetime(time.time())
        count = OutboxEvent.objects.using(alias).filter(due_at=None).update(due_at=now, written_at=now)
        self.stdout.write(f"{count} events are sent again")
