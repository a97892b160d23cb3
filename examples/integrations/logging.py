"""A shop that logs JSON, each line once in a run. Start it, with an engine, from the directory above `examples`:

    inngest dev examples.integrations.logging

and place an order from another terminal:

    inngest send shop/order.placed '{"order": "A1"}'

The function is called again after its sleep; "received" is logged once all the same.
"""

from __future__ import annotations

import logging
import sys

import inngest
import inngest.asgi
from inngest.middleware.logging import CallFilter, JSONFormatter

handler = logging.StreamHandler(sys.stdout)
handler.addFilter(CallFilter())
handler.setFormatter(JSONFormatter())
log = logging.getLogger("shop")
log.addHandler(handler)
log.setLevel(logging.INFO)

client = inngest.Inngest(app_id="logging-shop")


def charge(order: str) -> str:
    log.info("charging", extra={"order": order})
    return f"payment of {order}"


@client.create_function(fn_id="fulfil", trigger=inngest.TriggerEvent(event="shop/order.placed"))
async def fulfil(ctx: inngest.Context) -> str:
    log.info("received")
    payment = await ctx.step.run("charge", charge, ctx.event.data["order"])
    await ctx.step.sleep("pack", 100)
    log.info("shipped")
    return payment


app = inngest.asgi.serve(client, [fulfil])
