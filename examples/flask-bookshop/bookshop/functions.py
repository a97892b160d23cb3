"""What happens to an order: each step is done once, however often the bank fails or the app is restarted."""

from __future__ import annotations

import datetime

import flask
import sqlalchemy as sa

import inngest
import inngest.flask

from .database import session
from .models import Book, Order

client = inngest.Inngest(app_id="bookshop")


def reserve(number: int) -> int:
    """Take the book off the shelf; return its price in cents."""
    with session().begin():
        order = session().get_one(Order, number)
        taken = session().execute(
            sa.update(Book)
            .where(Book.id == order.book_id, Book.stock > 0)
            .values(stock=Book.stock - 1)
            .returning(Book.cents)
        )
        cents = taken.scalar()
        if cents is None:
            raise inngest.NonRetriableError(f"{order.book.title} is sold out")
        order.status = "reserved"
        return cents


def charge(number: int, cents: int) -> str:
    """Ask the bank, which is busy now and then: the step is tried again. A real bank gets the number as its key."""
    return f"receipt-{number}-{cents}"


def mark(number: int, status: str) -> None:
    with session().begin():
        session().get_one(Order, number).status = status


def mail(number: int, text: str) -> str:
    """Print a mail, with a link to the page of the order."""
    to = session().get_one(Order, number).email
    line = f"mail to {to}: {text} {flask.url_for('pages.status', number=number, _external=True)}"
    print(line)
    return line


def give_up(ctx: inngest.ContextSync, step: inngest.StepSync) -> None:
    """Runs when an order failed for good; the event tells which."""
    number: int = ctx.event.data["event"]["data"]["order"]
    step.run("mark as failed", mark, number, "failed")
    step.run("apologise", mail, number, "sorry, we cannot deliver")


@client.create_function(
    fn_id="fulfil",
    trigger=inngest.TriggerEvent(event="bookshop/order.placed"),
    on_failure=give_up,
)
def fulfil(ctx: inngest.ContextSync, step: inngest.StepSync) -> str:
    number: int = ctx.event.data["order"]
    cents = step.run("reserve the book", reserve, number)
    receipt = step.run("charge the card", charge, number, cents)
    step.run("mark as paid", mark, number, "paid")
    step.sleep("pack it", datetime.timedelta(seconds=2))
    step.run("mark as shipped", mark, number, "shipped")
    step.run("tell the customer", mail, number, "your book is on its way")
    return receipt


extension = inngest.flask.Extension(client, [fulfil])
