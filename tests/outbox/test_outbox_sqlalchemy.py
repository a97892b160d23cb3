"""The outbox with SQLAlchemy: what commits is sent, what rolls back is not, and nothing is lost on the way."""

from __future__ import annotations

import datetime
import json
import logging
import queue
import threading
from typing import Any

import pytest
import sqlalchemy as sa

import inngest
from inngest.outbox.sqlalchemy import Outbox, Policy
from inngest_core.errors import ConfigError, OutputUnserializableError

from .event_api import Events, event
from .places import Place

NEVER_MIND = Policy(poll=datetime.timedelta(hours=1))
"""A relay that has to be told."""


def rows(place: Place) -> list[Any]:
    return place.query(sa.select(place.outbox.table).order_by(place.outbox.table.c.id))


def test_what_commits_is_sent_once_and_in_order(place: Place, sent: Events) -> None:
    ids = place.write([event("shop/a", n=1), inngest.Event(name="shop/b", id="mine", ts=5)])
    assert place.drain() == 2
    assert place.drain() == 0
    assert [found["id"] for found in sent.taken] == ids
    assert sent.taken[0]["data"] == {"n": 1}
    assert (sent.taken[1]["id"], sent.taken[1]["ts"]) == ("mine", 5)
    assert rows(place) == []


def test_what_is_rolled_back_is_not_sent(place: Place, sent: Events) -> None:
    place.write([event("shop/no")], commit=False)
    place.write([event("shop/yes")])
    assert place.drain() == 1
    assert sent.names == ["shop/yes"]


def test_a_relay_that_runs_is_told_of_a_commit(place: Place, sent: Events) -> None:
    """Its own look at the database would come an hour later."""
    with place.relaying(NEVER_MIND) as relay:
        for number in range(3):
            place.write([event(f"shop/{number}")])
            sent.news.until(lambda number=number: len(sent.taken) > number, "the event")  # type: ignore[misc]
        assert sent.names == ["shop/0", "shop/1", "shop/2"]
    assert relay.sent == 3


def test_an_engine_that_is_down_costs_nothing(place: Place, sent: Events) -> None:
    sent.failures = [(503, {"error": "later"})] * 5  # as often as a request is made
    place.write([event("shop/a"), event("shop/b")])
    assert place.drain() == 0
    assert [(row.attempts, "503" in row.error, row.claim) for row in rows(place)] == [(1, True, None)] * 2
    place.query(sa.update(place.outbox.table).values(due_at=0))  # the pause is over
    assert place.drain() == 2
    assert sent.names == ["shop/a", "shop/b"]


def test_an_event_that_is_refused_is_set_aside_and_does_not_stop_the_rest(place: Place, sent: Events) -> None:
    place.write([event("shop/a"), event("shop/bad"), *(event(f"shop/{number}") for number in range(5))])
    assert place.drain() == 6
    assert "shop/bad" not in sent.names
    (left,) = rows(place)
    assert (left.name, left.due_at) == ("shop/bad", None)
    assert "bad event" in left.error
    assert json.loads(left.body)["id"] == left.event_id


class Heard(logging.Handler):
    """Waits for what is logged of an outbox."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("outbox: "):
            self.messages.put(record.getMessage())


def test_a_table_that_is_missing_is_told_with_what_to_do_and_may_come_later(place: Place, sent: Events) -> None:
    place.query(sa.schema.DropTable(place.outbox.table))
    heard = Heard()
    logging.getLogger("inngest").addHandler(heard)
    try:
        with place.relaying():
            said = heard.messages.get(timeout=60)
            place.query(sa.schema.CreateTable(place.outbox.table))
            place.write([event("shop/a")])
            sent.news.until(lambda: sent.taken, "the event")
    finally:
        logging.getLogger("inngest").removeHandler(heard)
    assert said.startswith("outbox: its table inngest_outbox cannot be used, trying again: ")
    assert said.endswith("; if it is missing or old, create it with metadata.create_all(engine) or a migration")
    assert "\n" not in said


def test_an_event_that_waited_too_long_is_set_aside(place: Place, sent: Events) -> None:
    place.write([event("shop/old")])
    place.query(sa.update(place.outbox.table).values(written_at=0))
    place.write([event("shop/new")])
    assert place.drain() == 1
    (left,) = rows(place)
    assert (left.name, left.error) == ("shop/old", "not sent within 1 day, 0:00:00")


def test_what_a_dead_relay_had_claimed_is_sent_when_its_lease_ends(place: Place, sent: Events) -> None:
    place.write([event("shop/a")])
    future = datetime.datetime.now(datetime.UTC).timestamp() + 3600
    place.query(sa.update(place.outbox.table).values(claim="dead", due_at=future))
    assert place.drain() == 0
    place.query(sa.update(place.outbox.table).values(due_at=0))
    assert place.drain() == 1


def test_several_relays_send_everything_once(place: Place, sent: Events) -> None:
    place.write([event(f"shop/{number}") for number in range(300)])
    relays = [threading.Thread(target=place.drain, args=(Policy(batch_size=7),)) for _ in range(4)]
    for relay in relays:
        relay.start()
    for relay in relays:
        relay.join(60)
    while rows(place):  # a relay that found the others' claims only has ended early
        place.drain()
    assert sorted(sent.names) == sorted(f"shop/{number}" for number in range(300))


@pytest.mark.parametrize(
    ("given", "said"),
    [(object(), "events is an object; give"), ([{"name": "a"}], r"events\[0\] is a dict")],
)
def test_what_is_no_event_is_refused_before_it_is_written(place: Place, given: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        place.write(given)
    with pytest.raises(OutputUnserializableError, match="shop/x"):
        place.write([event("shop/x", value=object())])
    assert rows(place) == []


def test_wrong_arguments_are_named(client: inngest.Inngest) -> None:
    wrong: Any = object()
    with pytest.raises(ConfigError, match="client is"):
        Outbox(wrong, sa.MetaData())
    with pytest.raises(ConfigError, match="metadata is"):
        Outbox(client, wrong)
    outbox = Outbox(client, sa.MetaData())
    with pytest.raises(ConfigError, match="session is"):
        outbox.add(wrong, event("shop/a"))
    with pytest.raises(ConfigError, match="engine is"):
        outbox.relay(wrong)
