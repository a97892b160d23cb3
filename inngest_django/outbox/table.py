"""Whether the database has the table of the outbox, asked when a server starts the project."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, router

from inngest_django.checks import databases_of_one_thread
from inngest_django.project import get_client, is_configured

from .models import OutboxEvent

LONGEST = 10.0
"""Seconds for which the start of a project waits for a database that does not answer."""


def tell_of_missing_table() -> None:
    """Log a warning that names what to do, if the table of the outbox or a column of it is missing.

    A server may import the project on an event loop, where Django allows no queries, and may fork afterwards: so it is
    asked in another thread, whose connection is closed.
    """
    thread = threading.Thread(target=_look, name="inngest-outbox-table", daemon=True)
    thread.start()
    thread.join(LONGEST)


def what_is_missing(alias: str) -> str:
    """Return what a database lacks for the outbox, in words; "" if it lacks nothing."""
    meta, introspection = OutboxEvent._meta, connections[alias].introspection
    with connections[alias].cursor() as cursor:
        if meta.db_table not in introspection.table_names(cursor):
            return f"the database {alias!r} has no table for the outbox"
        found = {column.name for column in introspection.get_table_description(cursor, meta.db_table)}
    missing = [str(field.column) for field in meta.concrete_fields if field.column not in found]
    return f"the table of the outbox in the database {alias!r} lacks {', '.join(missing)}" if missing else ""


def _look() -> None:
    alias = router.db_for_write(OutboxEvent)
    if alias in databases_of_one_thread(settings.DATABASES):
        return
    try:
        missing = what_is_missing(alias)
    except Exception:  # a database that does not answer is nothing that a migration helps against
        return
    finally:
        connections[alias].close()
    if missing:
        logger = get_client().logger if is_configured() else logging.getLogger("inngest")
        option = "" if alias == DEFAULT_DB_ALIAS else f" --database {alias}"
        logger.warning("%s, so no event can be added to it; run: manage.py migrate%s", missing, option)
