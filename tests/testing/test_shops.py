"""The five examples, tested as a user would test them: each app through its own adapter, and its functions alone."""

from __future__ import annotations

import datetime

import pytest

import inngest
from inngest import testing

from .conftest import Shop

PLACED = inngest.Event(name="shop/order.placed", data={"order": "A1", "item": "teapot", "card": "4242"})
STOLEN = inngest.Event(name="shop/order.placed", data={"order": "A2", "item": "teapot", "card": "stolen"})
FULFILLED = {
    "payment": "payment-4242",
    "parcel": ["label-A1", "box with teapot"],
    "shipped": True,
    "mail": "mail about A1 sent",
}


def test_an_order_is_fulfilled(shop: Shop) -> None:
    with testing.Engine(shop.app) as engine:
        run = engine.wait(engine.runs_of(engine.send(PLACED))[0])
        assert run.output == FULFILLED
        assert run.steps["charge card"].attempts == 2
        assert run.duration < datetime.timedelta(minutes=1)


def test_a_stolen_card(shop: Shop) -> None:
    with testing.Engine(shop.app) as engine:
        run = engine.wait(engine.runs_of(engine.send(STOLEN))[0])
        assert run.status is testing.Status.FAILED
        with pytest.raises(inngest.NonRetriableError, match="the bank refused the card"):
            _ = run.output
        engine.settle()
        (given_up,) = [each for each in engine.runs() if each.function_id.endswith("-fulfil-failure")]
        assert given_up.output == "order A2 given up"


def test_one_function_alone(shop: Shop) -> None:
    shipped = inngest.Event(name="shop/order.shipped", data={"order": "A1"})
    stubs = {"charge card": "paid", "wait for the post": shipped, "thank the customer": "thanked"}
    run = testing.run(shop.fulfil, PLACED, steps=stubs)
    assert run.output == {**FULFILLED, "payment": "paid", "mail": "thanked"}
    assert [event.name for event in run.events_sent] == ["shop/parcel.packed"]


def test_nobody_ships(shop: Shop) -> None:
    run = testing.run(shop.fulfil, PLACED, steps={"thank the customer": "thanked"})
    assert run.output["shipped"] is False
    assert run.duration > datetime.timedelta(hours=1)


def test_the_bank_is_asked_again_after_a_crash(shop: Shop) -> None:
    run = testing.run(shop.fulfil, PLACED, steps={"thank the customer": "thanked"}, crash_after="pack")
    assert run.steps["pack"].calls == 2
    assert run.output["parcel"] == FULFILLED["parcel"]
