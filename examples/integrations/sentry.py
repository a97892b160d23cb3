"""A shop whose failed runs are reported to Sentry. Start it, with an engine, from the directory above `examples`:

    SENTRY_DSN=https://... inngest dev examples.integrations.sentry

and place an order from another terminal, which fails for good:

    inngest send shop/order.placed '{"order": "A1", "card": "stolen"}'

Without SENTRY_DSN the events are printed instead.
"""

from __future__ import annotations

import os

import sentry_sdk
from sentry_sdk.types import Event, Hint

import inngest
import inngest.asgi
from inngest.middleware.sentry import SentryMiddleware


def show(event: Event, hint: Hint) -> Event | None:
    """Print an event; send it only if there is a project to send it to."""
    error = event["exception"]["values"][-1] if "exception" in event else {}
    tags = event.get("tags", {})
    print(f"reported: {error.get('value')} in {tags.get('inngest.function.id')}", flush=True)
    return event if "SENTRY_DSN" in os.environ else None


sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN", "https://key@sentry.example/1"),
    before_send=show,
    traces_sample_rate=0.1 if "SENTRY_DSN" in os.environ else None,
)

client = inngest.Inngest(app_id="sentry-shop", middleware=[SentryMiddleware])


def charge(card: str) -> str:
    if card == "stolen":
        raise inngest.NonRetriableError("the bank refused the card")
    return f"payment-{card}"


@client.create_function(fn_id="fulfil", trigger=inngest.TriggerEvent(event="shop/order.placed"))
async def fulfil(ctx: inngest.Context) -> str:
    return await ctx.step.run("charge", charge, ctx.event.data["card"])


app = inngest.asgi.serve(client, [fulfil])
