"""What happens to a ticket: it is acknowledged, becomes urgent after a day, and its answer is mailed."""

from __future__ import annotations

import datetime

import inngest
from inngest.django import get_client

from .models import Ticket
from .tasks import mail

client = get_client()
A_DAY = datetime.timedelta(days=1)
A_WEEK = datetime.timedelta(days=7)


def send(number: int, subject: str) -> str:
    """Enqueue a mail about a ticket; return the id of the task."""
    ticket = Ticket.objects.get(pk=number)
    return mail.enqueue(ticket.email, f"[{number}] {subject}", ticket.answer or ticket.question).id


def make_urgent(number: int) -> int:
    return Ticket.objects.filter(pk=number, answer="").update(is_urgent=True)


@client.create_function(fn_id="follow-up", trigger=inngest.TriggerEvent(event="ticket/opened"))
def follow_up(ctx: inngest.ContextSync, step: inngest.StepSync) -> str:
    number: int = ctx.event.data["ticket"]
    step.run("acknowledge", send, number, "we have your question")
    for wait, limit in (("wait a day", A_DAY), ("wait a week", A_WEEK)):
        answered = step.wait_for_event(
            wait, event="ticket/answered", if_exp="event.data.ticket == async.data.ticket", timeout=limit
        )
        if answered is not None:
            step.run("mail the answer", send, number, "our answer")
            return "answered"
        step.run(f"urgent after {limit.days} days", make_urgent, number)
    return "forgotten"
