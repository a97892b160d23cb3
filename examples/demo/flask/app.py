"""A shop in Flask. Start it, with an engine, from the top folder of the repository:

    inngest dev examples.demo.flask.app

and place an order from another terminal:

    inngest send shop/order.placed '{"order": "A1", "item": "teapot", "card": "4242"}'
"""

from __future__ import annotations

import datetime

import flask

import inngest
import inngest.flask

client = inngest.Inngest(app_id="flask-shop")

STOCK = {"teapot": 3, "kettle": 1}


def reserve(item: str) -> int:
    return STOCK[item] - 1


def charge(card: str, attempt: int) -> str:
    if card == "stolen":
        raise inngest.NonRetriableError("the bank refused the card")
    if attempt == 0:
        raise inngest.RetryAfterError("the bank is busy", datetime.timedelta(seconds=1))
    return f"payment-{card}"


def print_label(order: str) -> str:
    return f"label-{order}"


def pack(item: str) -> str:
    return f"box with {item}"


def release(ctx: inngest.ContextSync, step: inngest.StepSync) -> str:
    """Runs when an order failed for good; ctx.event says which and why."""
    order = ctx.event.data["event"]["data"]
    step.run("release stock", lambda: f"{order['item']} is back on the shelf")
    return f"order {order['order']} given up"


@client.create_function(fn_id="thank", trigger=inngest.TriggerEvent(event="shop/thanks.due"))
def thank(ctx: inngest.ContextSync, step: inngest.StepSync) -> str:
    return step.run("send mail", lambda: f"mail about {ctx.event.data['order']} sent")


@client.create_function(fn_id="ship", trigger=inngest.TriggerEvent(event="shop/parcel.packed"))
def ship(ctx: inngest.ContextSync, step: inngest.StepSync) -> None:
    step.sleep("drive to the post office", datetime.timedelta(seconds=1))
    step.send_event("tell the shop", inngest.Event(name="shop/order.shipped", data=ctx.event.data))


@client.create_function(
    fn_id="fulfil",
    trigger=inngest.TriggerEvent(event="shop/order.placed"),
    retries=2,
    on_failure=release,
)
def fulfil(ctx: inngest.ContextSync, step: inngest.StepSync) -> dict[str, object]:
    order = ctx.event.data

    step.run("reserve stock", reserve, order["item"])
    payment = step.run("charge card", charge, order["card"], ctx.attempt)
    step.sleep("let the customer think", datetime.timedelta(seconds=1))

    label, box = ctx.group.parallel(
        (
            lambda: step.run("print label", print_label, order["order"]),
            lambda: step.run("pack", pack, order["item"]),
        )
    )
    step.send_event("hand over", inngest.Event(name="shop/parcel.packed", data={"order": order["order"]}))
    shipped = step.wait_for_event(
        "wait for the post",
        event="shop/order.shipped",
        if_exp="event.data.order == async.data.order",
        timeout=datetime.timedelta(hours=1),
    )
    mail = step.invoke("thank the customer", function=thank, data={"order": order["order"]})
    return {"payment": payment, "parcel": [label, box], "shipped": shipped is not None, "mail": mail}


app = flask.Flask(__name__)


@app.post("/orders/<item>")
def place_order(item: str) -> dict[str, object]:
    """Answer at once; the functions do the rest."""
    data = {"order": "W1", "item": item, "card": flask.request.form.get("card", "4242")}
    return {"events": client.send_sync(inngest.Event(name="shop/order.placed", data=data))}


inngest.flask.serve(app, client, [fulfil, ship, thank])
