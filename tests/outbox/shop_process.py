"""A shop that takes orders until it is killed: each order and its event in one transaction, some rolled back.

Run as `python -m tests.outbox.shop_process prepare URL ORIGIN`, which makes the tables; `sell URL ORIGIN FIRST`, which
takes orders with a relay beside it, and prints a line for each; `finish URL ORIGIN`, which sends what is left and
prints the numbers of all orders.
"""

from __future__ import annotations

import datetime
import json
import random
import sys
from collections.abc import Callable
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

import inngest
from inngest.outbox.sqlalchemy import Outbox, Policy

from .places import patient

POLICY = Policy(lease=datetime.timedelta(seconds=0.2), poll=datetime.timedelta(seconds=0.01), batch_size=5)


def commits() -> bool:
    """Tell whether an order is committed, and not rolled back."""
    return random.random() < 0.7  # noqa: S311 - not a secret


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class AnyShop(Protocol):
    """What the commands need of a shop."""

    def prepare(self) -> None: ...
    def sell(self, number: int) -> None: ...
    def finish(self) -> list[int]: ...


def obey(make: Callable[[str, str], AnyShop]) -> None:
    """Do what the command line says, with the shop that is made for its URL and its origin."""
    command, url, origin, *first = sys.argv[1:]
    shop = make(url, origin)
    match command:
        case "prepare":
            shop.prepare()
        case "sell":
            shop.sell(int(first[0]))
        case _:
            say(json.dumps(shop.finish()))


class Shop:
    """The shop in SQLAlchemy."""

    def __init__(self, url: str, origin: str) -> None:
        client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=origin, event_api_base_url=origin)
        self.metadata = sa.MetaData()
        self.orders = sa.Table(
            "orders", self.metadata, sa.Column("number", sa.Integer, primary_key=True, autoincrement=False)
        )
        self.outbox = Outbox(client, self.metadata)
        self.engine = sa.create_engine(url, connect_args=patient(url))

    def prepare(self) -> None:
        self.metadata.drop_all(self.engine)
        self.metadata.create_all(self.engine)

    def sell(self, number: int) -> None:
        with self.outbox.relay(self.engine, POLICY):
            while True:
                with Session(self.engine) as session:
                    session.execute(self.orders.insert().values(number=number))
                    self.outbox.add(session, inngest.Event(name="shop/order", data={"number": number}))
                    if commits():
                        session.commit()
                    else:
                        session.flush()
                        session.rollback()
                number += 1
                say(str(number))

    def finish(self) -> list[int]:
        relay = self.outbox.relay(self.engine, POLICY)
        waiting = sa.select(sa.func.count()).select_from(self.outbox.table)
        with self.engine.connect() as connection:
            orders = list(connection.scalars(sa.select(self.orders.c.number)))
            while connection.scalar(waiting):  # until the last lease ends
                connection.rollback()
                relay.drain()
        return orders


if __name__ == "__main__":
    obey(Shop)
