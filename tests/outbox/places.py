"""An outbox in each database and with each driver, used the same way: sync engines directly, async ones on a loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Generator, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import inngest
from inngest.outbox.sqlalchemy import Outbox, Policy, Relay

PATIENCE = 30.0


class Place(Protocol):
    """Where an outbox is."""

    outbox: Outbox

    def write(self, events: Sequence[inngest.Event], *, commit: bool = True) -> list[str]:
        """Add events in one transaction, which commits or rolls back."""
        ...

    def drain(self, policy: Policy | None = None) -> int:
        """Send what is due."""
        ...

    def relaying(self, policy: Policy | None = None) -> contextlib.AbstractContextManager[Relay]:
        """Run a relay beside the block."""
        ...

    def query(self, statement: sa.Executable) -> list[Any]:
        """Return rows; commit."""
        ...


class RolledBackError(Exception):
    """Why a transaction of a test does not commit."""


class SyncPlace:
    def __init__(self, outbox: Outbox, engine: sa.Engine) -> None:
        self.outbox, self.engine = outbox, engine

    def write(self, events: Sequence[inngest.Event], *, commit: bool = True) -> list[str]:
        ids: list[str] = []
        with contextlib.suppress(RolledBackError), Session(self.engine) as session, session.begin():
            ids = self.outbox.add(session, events)
            session.flush()
            if not commit:
                raise RolledBackError
        return ids

    def drain(self, policy: Policy | None = None) -> int:
        return self.outbox.relay(self.engine, policy).drain()

    def relaying(self, policy: Policy | None = None) -> contextlib.AbstractContextManager[Relay]:
        return self.outbox.relay(self.engine, policy)

    def query(self, statement: sa.Executable) -> list[Any]:
        with self.engine.begin() as connection:
            result = connection.execute(statement)
            return list(result) if result.returns_rows else []


class AsyncPlace:
    def __init__(self, outbox: Outbox, engine: AsyncEngine, loop: asyncio.AbstractEventLoop) -> None:
        self.outbox, self.engine, self.loop = outbox, engine, loop

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def write(self, events: Sequence[inngest.Event], *, commit: bool = True) -> list[str]:
        async def write() -> list[str]:
            ids: list[str] = []
            with contextlib.suppress(RolledBackError):
                async with AsyncSession(self.engine) as session, session.begin():
                    ids = self.outbox.add(session, events)
                    await session.flush()
                    if not commit:
                        raise RolledBackError
            return ids

        ids: list[str] = self.run(write())
        return ids

    def drain(self, policy: Policy | None = None) -> int:
        return int(self.run(self.outbox.relay(self.engine, policy).drain_async()))

    @contextlib.contextmanager
    def relaying(self, policy: Policy | None = None) -> Generator[Relay]:
        relay = self.outbox.relay(self.engine, policy)
        self.run(relay.__aenter__())
        try:
            yield relay
        finally:
            self.run(relay.__aexit__(None, None, None))

    def query(self, statement: sa.Executable) -> list[Any]:
        async def query() -> list[Any]:
            async with self.engine.begin() as connection:
                result = await connection.execute(statement)
                return list(result) if result.returns_rows else []

        rows: list[Any] = self.run(query())
        return rows


def patient(url: str) -> dict[str, Any]:
    """Return how to connect: SQLite would wait for no more than five seconds for whoever writes just now."""
    return {"timeout": PATIENCE} if url.startswith("sqlite") else {}


@contextlib.contextmanager
def new_place(url: str, client: inngest.Inngest) -> Generator[Place]:
    """Make an outbox with a fresh table in the database of an URL."""
    metadata = sa.MetaData()
    outbox = Outbox(client, metadata)
    if not url.partition(":")[0].endswith(("+asyncpg", "+aiomysql", "+aiosqlite")):
        engine = sa.create_engine(url, connect_args=patient(url))
        metadata.drop_all(engine)
        metadata.create_all(engine)
        yield SyncPlace(outbox, engine)
        engine.dispose()
        return
    with _loop_in_a_thread() as loop:
        place = AsyncPlace(outbox, create_async_engine(url, connect_args=patient(url)), loop)
        place.run(_create(place.engine, metadata))
        yield place
        place.run(place.engine.dispose())
        place.run(client.close_async())


async def _create(engine: AsyncEngine, metadata: sa.MetaData) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)


@contextlib.contextmanager
def _loop_in_a_thread() -> Generator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
