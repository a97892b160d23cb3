"""A process with an outbox is killed at any moment: every order that was committed has its event, and no other has."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from tests.stage.effort import LONG
from tests.stage.engine_api import Answer, EngineDouble, Recorded

from .shop_process import METADATA, ORDERS, POLICY, new_outbox

DRIVERS = [
    "sqlite+pysqlite",
    *(pytest.param(driver, marks=pytest.mark.databases) for driver in ("postgresql+psycopg", "mysql+pymysql")),
]
KILLS = 200 if LONG else 2


def some_orders(url: str, origin: str, first: int) -> None:
    """Run the shop, and kill it somewhere within an order."""
    command = [sys.executable, "-m", "tests.outbox.shop_process", url, origin, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(random.randint(1, 12)):  # noqa: S311 - not a secret
            assert process.stdout.readline(), "the shop ended by itself"
        time.sleep(random.random() * 0.01)  # noqa: S311 - anywhere between two lines
        process.kill()


@pytest.mark.timeout(1800 if LONG else 60)
@pytest.mark.parametrize("database_url", DRIVERS, indirect=True)
def test_no_event_is_lost_and_none_is_invented(database_url: str, engine: EngineDouble) -> None:
    taken: dict[str, int] = {}

    def take(request: Recorded) -> Answer:
        events = request.json()
        taken.update((event["id"], event["data"]["number"]) for event in events)
        return 200, {"ids": [event["id"] for event in events], "status": 200}

    engine.reset({"*": [take]})
    database = sa.create_engine(database_url)
    outbox = new_outbox(engine.origin)
    for metadata in (METADATA, outbox.table.metadata):
        metadata.drop_all(database)
        metadata.create_all(database)
    for kill in range(KILLS):
        some_orders(database_url, engine.origin, kill * 1000)
    with outbox.client, database.connect() as connection:
        orders = set(connection.scalars(sa.select(ORDERS.c.number)))
        connection.rollback()
        relay = outbox.relay(database, POLICY)
        while connection.scalar(sa.select(sa.func.count()).select_from(outbox.table)):  # until the last lease ends
            connection.rollback()
            relay.drain()
    database.dispose()
    assert orders
    assert sorted(taken.values()) == sorted(orders)
