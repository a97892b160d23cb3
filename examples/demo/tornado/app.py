"""A shop in Tornado: async and plain functions side by side. Start it, with an engine, from the top folder:

    inngest dev examples.demo.tornado.app

and place an order from another terminal:

    inngest send shop/order.placed '{"order": "A1", "item": "teapot", "card": "4242"}'
"""

from __future__ import annotations

import datetime

from tornado.web import Application, RequestHandler

import inngest
import inngest.tornado

client = inngest.Inngest(app_id="tornado-shop")

STOCK = {"teapot": 3, "kettle": 1}


def reserve(item: str) -> int:
    return STOCK[item] - 1


async def charge(card: str, attempt: int) -> str:
    if card == "stolen":
        raise inngest.NonRetriableError("the bank refused the card")
    if attempt == 0:
        raise inngest.RetryAfterError("the bank is busy", datetime.timedelta(seconds=1))
    return f"payment-{card}"


async def print_label(order: str) -> str:
    return f"label-{order}"


async def pack(item: str) -> str:
    return f"box with {item}"


async def release(ctx: inngest.Context) -> str:
    """Runs when an order failed for good; ctx.event says which and why."""
    order = ctx.event.data["event"]["data"]
    await ctx.step.run("release stock", lambda: f"{order['item']} is back on the shelf")
    return f"order {order['order']} given up"


@client.create_function(fn_id="thank", trigger=inngest.TriggerEvent(event="shop/thanks.due"))
def thank(ctx: inngest.ContextSync) -> str:
    """A plain function: it runs in a thread, and never holds up the event loop."""
    return ctx.step.run("send mail", lambda: f"mail about {ctx.event.data['order']} sent")


@client.create_function(fn_id="ship", trigger=inngest.TriggerEvent(event="shop/parcel.packed"))
def ship(ctx: inngest.ContextSync) -> None:
    ctx.step.sleep("drive to the post office", datetime.timedelta(seconds=1))
    ctx.step.send_event("tell the shop", inngest.Event(name="shop/order.shipped", data=ctx.event.data))


@client.create_function(
    fn_id="fulfil",
    trigger=inngest.TriggerEvent(event="shop/order.placed"),
    retries=2,
    on_failure=release,
)
async def fulfil(ctx: inngest.Context) -> dict[str, object]:
    order, step = ctx.event.data, ctx.step

    await step.run("reserve stock", reserve, order["item"])
    payment = await step.run("charge card", charge, order["card"], ctx.attempt)
    await step.sleep("let the customer think", datetime.timedelta(seconds=1))

    label, box = await ctx.group.parallel(
        (
            lambda: step.run("print label", print_label, order["order"]),
            lambda: step.run("pack", pack, order["item"]),
        )
    )
    await step.send_event("hand over", inngest.Event(name="shop/parcel.packed", data={"order": order["order"]}))
    shipped = await step.wait_for_event(
        "wait for the post",
        event="shop/order.shipped",
        if_exp="event.data.order == async.data.order",
        timeout=datetime.timedelta(hours=1),
    )
    mail = await step.invoke("thank the customer", function=thank, data={"order": order["order"]})
    return {"payment": payment, "parcel": [label, box], "shipped": shipped is not None, "mail": mail}


class PlaceOrder(RequestHandler):
    async def post(self, item: str) -> None:
        """Answer at once; the functions do the rest."""
        data = {"order": "W1", "item": item, "card": self.get_body_argument("card", "4242")}
        await client.send(inngest.Event(name="shop/order.placed", data=data))
        self.set_status(202)


app = Application([(r"/orders/(\w+)", PlaceOrder)])
inngest.tornado.serve(app, client, [fulfil, ship, thank])
