"""The pages: the shelf with a form to order, and what has become of an order."""

from __future__ import annotations

import flask
import sqlalchemy as sa
from werkzeug import Response

import inngest

from .database import session
from .models import Book, Order

blueprint = flask.Blueprint("pages", __name__)


@blueprint.get("/")
def shelf() -> str:
    return flask.render_template("shelf.html", books=session().scalars(sa.select(Book).order_by(Book.title)).all())


@blueprint.post("/orders")
def order() -> Response:
    placed = Order(email=flask.request.form["email"], book=session().get_one(Book, int(flask.request.form["book"])))
    session().add(placed)
    session().commit()
    client: inngest.Inngest = flask.current_app.extensions["inngest"].client
    client.send_sync(inngest.Event(name="bookshop/order.placed", data={"order": placed.id}))
    return flask.redirect(flask.url_for("pages.status", number=placed.id))


@blueprint.get("/orders/<int:number>")
def status(number: int) -> str:
    found = session().get(Order, number) or flask.abort(404)
    return flask.render_template("order.html", order=found)
