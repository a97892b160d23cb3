"""An outbox in a database that SQLAlchemy 2 talks to: the table, writing to it in a session, and its relay."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, registry, scoped_session

from inngest_core.client import Inngest
from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError
from inngest_core.events.event import Event

from .delivery import Policy
from .entries import new_entries
from .relay import Relay
from .sqlalchemy_table import Table, make_table
from .wakeups import NOTIFY, AsyncFlag, AsyncListener, Flag, Listener

AnyEngine = TypeVar("AnyEngine", sa.Engine, AsyncEngine)
AnySession = Session | AsyncSession | scoped_session[Any] | async_scoped_session[Any]


class OutboxEvent:
    """An event that waits, as a row: query `outbox.event_class` for it.

    id: its primary key. event_id, name, body: of the event; the body is its JSON. written_at, due_at: Unix seconds;
    nothing is due at None: the event was set aside, and `error` says why. attempts: how often it was tried.
    """

    id: int
    event_id: str
    name: str
    body: str
    written_at: float
    due_at: float | None
    attempts: int
    claim: str | None
    error: str | None


class Outbox:
    """Write events in a database transaction; a relay sends them when it has committed.

        outbox = Outbox(client, Base.metadata)

        with Session(engine) as session, session.begin():
            session.add(order)
            outbox.add(session, inngest.Event(name="shop/order.placed", data={"id": order.id}))

    The table is part of the metadata, so `create_all` and Alembic's autogenerate know it.
    """

    def __init__(self, client: Inngest, metadata: sa.MetaData, *, table: str = "inngest_outbox") -> None:
        """client: sends the events. metadata: gets the table. table: its name.

        Raises ConfigError: an argument is of the wrong kind.
        """
        _expect(client, Inngest, "client", "an inngest.Inngest")
        _expect(metadata, sa.MetaData, "metadata", "a sqlalchemy.MetaData, such as Base.metadata")
        self.client = client
        self.table = make_table(table, metadata)
        self.event_class: type[OutboxEvent] = type("OutboxEvent", (OutboxEvent,), {})
        registry(metadata=metadata).map_imperatively(self.event_class, self.table)
        self._relays: weakref.WeakSet[Relay] = weakref.WeakSet()

    def add(self, session: AnySession, events: Event | Sequence[Event]) -> list[str]:
        """Write events with whatever else the session writes; they are sent if it commits.

        session: a Session, an AsyncSession, or a scoped one of either kind. There is nothing to await.
        events: one event or a list of them. One without an `id` gets one, by which engines recognize it.
        Returns the ids of the events, in order.
        Raises ConfigError: something else than a session or events. OutputUnserializableError: data that cannot be
        written as JSON.
        """
        sync_session = _sync_session(session)
        entries = new_entries(self.client, events)
        for entry in entries:
            row = self.event_class()
            row.event_id, row.name, row.body, row.written_at = entry.event_id, entry.name, entry.body, entry.written_at
            row.due_at, row.attempts = entry.written_at, 0
            sync_session.add(row)
        self._watch(sync_session)
        return [entry.event_id for entry in entries]

    def relay(self, engine: sa.Engine | AsyncEngine, policy: Policy | None = None) -> Relay:
        """Return a relay that sends what is in the outbox: see `Relay` for how to run it.

        engine: of the database that has the table; an AsyncEngine makes a relay for an event loop.
        policy: how it sends; the defaults of `Policy` if it is left out.
        Raises ConfigError: something else than an engine.
        """
        if isinstance(engine, AsyncEngine):
            relay = Relay(
                self.client,
                Table(self.table, partial(_transact_async, _isolated(engine)), engine.dialect.name),
                policy or Policy(),
                async_wakeups=partial(AsyncListener, partial(_raw_async, engine)) if _notifies(engine) else AsyncFlag,
            )
        else:
            _expect(engine, sa.Engine, "engine", "what create_engine or create_async_engine returns")
            relay = Relay(
                self.client,
                Table(self.table, partial(_transact, _isolated(engine)), engine.dialect.name),
                policy or Policy(),
                wakeups=partial(Listener, partial(_raw, engine)) if _notifies(engine) else Flag,
            )
        self._relays.add(relay)
        return relay

    def _watch(self, session: Session) -> None:
        """Tell relays of the commit: those of other processes within the transaction, those of this one after it."""
        watched: set[int] = session.info.setdefault("inngest_outbox", set())
        if id(self) in watched:
            return
        watched.add(id(self))
        sa_event.listen(session, "after_flush", self._notify)
        sa_event.listen(session, "after_commit", self._wake)

    def _notify(self, session: Session, _: object) -> None:
        if any(isinstance(row, self.event_class) for row in session.new):
            connection = session.connection(bind_arguments={"mapper": self.event_class})
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(NOTIFY)

    def _wake(self, _: Session) -> None:
        for relay in list(self._relays):
            relay.wake()


def _expect(given: object, kind: type[object], name: str, rule: str) -> None:
    """Raise ConfigError unless an argument is of its kind."""
    if not isinstance(given, kind):
        raise ConfigError(f"{name} is {kind_of(given)}; give {rule}")


def _sync_session(given: AnySession) -> Session:
    session: object = given() if isinstance(given, scoped_session | async_scoped_session) else given
    if isinstance(session, AsyncSession):
        return session.sync_session
    _expect(session, Session, "session", "a Session or an AsyncSession of SQLAlchemy")
    return cast("Session", session)


def _notifies(engine: sa.Engine | AsyncEngine) -> bool:
    """Tell whether the database and its driver can wake a relay."""
    return engine.dialect.name == "postgresql" and engine.dialect.driver in {"psycopg", "psycopg2", "asyncpg"}


def _isolated(engine: AnyEngine) -> AnyEngine:
    """Return the engine with an isolation in which relays do not lock what lies between rows, as MySQL's usual one."""
    if engine.dialect.name not in {"mysql", "mariadb"}:
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def _transact(engine: sa.Engine, work: Callable[[sa.Connection], Any]) -> Any:
    with engine.begin() as connection:
        return work(connection)


async def _transact_async(engine: AsyncEngine, work: Callable[[sa.Connection], Any]) -> Any:
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _raw(engine: sa.Engine) -> Any:
    """Open a connection of the driver's own that is in autocommit mode."""
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    connection.rollback()
    connection.autocommit = True
    return connection


async def _raw_async(engine: AsyncEngine) -> Any:
    """Open a connection of the driver's own that is in autocommit mode."""
    pooled = await engine.raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    if hasattr(connection, "set_autocommit"):  # psycopg; asyncpg begins no transaction by itself
        await connection.rollback()
        await connection.set_autocommit(True)
    return connection
