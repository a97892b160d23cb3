"""What happens after a sign-up: an hour for the address to be confirmed, a reminder, another hour, and an end."""

from __future__ import annotations

import datetime
import logging

import inngest

from .client import client
from .database import Person, sessions

HOUR = datetime.timedelta(hours=1)


async def mail(number: int, text: str) -> str:
    """Log a mail."""
    async with sessions() as session:
        person = await session.get_one(Person, number)
    line = f"mail to {person.email}: {text}"
    logging.getLogger("uvicorn").info(line)
    return line


async def delete(number: int) -> None:
    async with sessions.begin() as session:
        person = await session.get(Person, number)
        if person is not None:
            await session.delete(person)


@client.create_function(fn_id="onboard", trigger=inngest.TriggerEvent(event="people/signed.up"))
async def onboard(ctx: inngest.Context, step: inngest.Step) -> str:
    number: int = ctx.event.data["person"]
    await step.run("ask to confirm", mail, number, f"is this you? POST /people/{number}/confirm")
    for tries in ("remind", "delete"):
        confirmed = await step.wait_for_event(
            f"wait before we {tries}",
            event="people/confirmed",
            if_exp="event.data.person == async.data.person",
            timeout=HOUR,
        )
        if confirmed is not None:
            await step.run("welcome", mail, number, "welcome!")
            return "welcome"
        if tries == "remind":
            await step.run("remind", mail, number, "are you still there?")
    await step.run("delete", delete, number)
    return "deleted"
