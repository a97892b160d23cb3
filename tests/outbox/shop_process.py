"""A shop that takes orders until it is killed: each order and its event in one transaction, some rolled back.

Run as `python -m tests.outbox.shop_process URL ORIGIN FIRST`; its relay runs beside it. Prints a line when it works.
"""

from __future__ import annotations

import datetime
import random
import sys

import sqlalchemy as sa
from sqlalchemy.orm import Session

import inngest
from inngest.outbox.sqlalchemy import Outbox, Policy

METADATA = sa.MetaData()
ORDERS = sa.Table("orders", METADATA, sa.Column("number", sa.Integer, primary_key=True, autoincrement=False))
POLICY = Policy(lease=datetime.timedelta(seconds=0.2), poll=datetime.timedelta(seconds=0.01), batch_size=5)


def new_outbox(origin: str) -> Outbox:
    metadata = sa.MetaData()
    client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=origin, event_api_base_url=origin)
    return Outbox(client, metadata)


def take_orders(url: str, origin: str, number: int) -> None:
    outbox = new_outbox(origin)
    engine = sa.create_engine(url)
    with outbox.relay(engine, POLICY):
        while True:
            with Session(engine) as session:
                session.execute(ORDERS.insert().values(number=number))
                outbox.add(session, inngest.Event(name="shop/order", data={"number": number}))
                if random.random() < 0.7:  # noqa: S311 - not a secret
                    session.commit()
                else:
                    session.flush()
                    session.rollback()
            number += 1
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    take_orders(sys.argv[1], sys.argv[2], int(sys.argv[3]))
