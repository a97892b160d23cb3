"""A clinic whose engine cannot read what it keeps. Start it, with an engine, from the directory above `examples`:

    SECRET=... inngest dev examples.integrations.encryption

and admit a patient from another terminal:

    inngest send clinic/patient.admitted '{"patient": "P1"}'

The results of steps and the field `encrypted` of events are sealed; all other fields stay readable, for triggers.
"""

from __future__ import annotations

import os

import inngest
import inngest.asgi
from inngest.middleware.encryption import EncryptionMiddleware


class Showing(inngest.MiddlewareSync):
    """Prints what leaves the app."""

    def before_send_events(self, events: list[inngest.Event]) -> None:
        for event in events:
            print(f"the engine gets: {', '.join(event.data['encrypted'])}", flush=True)


client = inngest.Inngest(
    app_id="clinic",
    middleware=[EncryptionMiddleware.factory(os.environ.get("SECRET", "correct horse battery staple")), Showing],
)


def examine(patient: str) -> str:
    return f"{patient} has a cold"


@client.create_function(fn_id="admit", trigger=inngest.TriggerEvent(event="clinic/patient.admitted"))
async def admit(ctx: inngest.Context) -> None:
    finding = await ctx.step.run("examine", examine, ctx.event.data["patient"])
    await ctx.step.send_event("tell", inngest.Event(name="clinic/examined", data={"encrypted": finding}))


@client.create_function(fn_id="treat", trigger=inngest.TriggerEvent(event="clinic/examined"))
async def treat(ctx: inngest.Context) -> None:
    print(f"the app reads: {ctx.event.data['encrypted']}", flush=True)


app = inngest.asgi.serve(client, [admit, treat])
