"""The bookshop, with an engine that calls it in this process, in time that does not pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from bookshop import create_app
from bookshop.database import session
from bookshop.functions import fulfil
from bookshop.models import Book

from inngest import testing


@pytest.fixture
def app(tmp_path: Path) -> Iterator[flask.Flask]:
    made = create_app(DATABASE_URL=f"sqlite:///{tmp_path / 'test.db'}", INNGEST_IS_PRODUCTION=False, TESTING=True)
    made.test_cli_runner().invoke(args=["init-db"], catch_exceptions=False)
    yield made
    made.extensions["database"].dispose()


def order(app: flask.Flask, book: int) -> str:
    """Order a book as a browser does; return the address of the page of the order."""
    answer = app.test_client().post("/orders", data={"book": book, "email": "ada@example.com"})
    assert answer.status_code == 302
    return answer.location


def test_a_book_is_shipped(app: flask.Flask) -> None:
    with testing.Engine(app) as engine:
        page = order(app, book=1)
        (run,) = engine.runs(fulfil)
        assert engine.wait(run).output == "receipt-1-900"
    assert "/orders/1" in run.steps["tell the customer"].output
    assert "Order 1 is shipped" in app.test_client().get(page).text
    with app.app_context():
        assert session().get_one(Book, 1).stock == 2


def test_the_bank_is_busy(app: flask.Flask) -> None:
    with testing.Engine(app, steps={"charge the card": testing.sequence(ConnectionError(), "paid")}) as engine:
        order(app, book=1)
        (run,) = engine.runs(fulfil)
        assert engine.wait(run).output == "paid"
    with app.app_context():
        assert session().get_one(Book, 1).stock == 2


def test_a_book_is_sold_out(app: flask.Flask) -> None:
    with testing.Engine(app) as engine:
        page = order(app, book=3)
        (run,) = engine.runs(fulfil)
        assert engine.wait(run).status is testing.Status.FAILED
        engine.settle()
    assert "Order 1 is failed" in app.test_client().get(page).text


def test_an_order_sends_an_event(app: flask.Flask, inngest_sent: testing.Sent) -> None:
    order(app, book=2)
    inngest_sent.assert_sent("bookshop/order.placed", data={"order": 1}, count=1)
