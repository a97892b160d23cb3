"""A ticket from the form to its answer, with an engine that calls the project, in time that does not pass."""

from __future__ import annotations

from django.core import mail
from django.core.wsgi import get_wsgi_application
from django.test import TestCase

from inngest import testing
from inngest.outbox import django as outbox
from tickets.inngest_functions import follow_up
from tickets.models import Ticket


class TicketTest(TestCase):
    def setUp(self) -> None:
        self.engine = self.enterContext(testing.Engine(get_wsgi_application()))
        self.client.post("/", {"email": "ada@example.com", "question": "How do I begin?"})
        outbox.relay().drain()
        (self.run_,) = self.engine.runs(follow_up)
        self.engine.settle()

    def test_it_is_acknowledged(self) -> None:
        self.assertEqual([sent.subject for sent in mail.outbox], ["[1] we have your question"])

    def test_an_answer_is_mailed(self) -> None:
        ticket = Ticket.objects.get()
        ticket.answer = "With the first page."
        ticket.save()
        outbox.relay().drain()
        self.assertEqual(self.engine.wait(self.run_).output, "answered")
        self.engine.settle()
        self.assertEqual(mail.outbox[-1].body, "With the first page.")

    def test_it_becomes_urgent(self) -> None:
        self.assertEqual(self.engine.wait(self.run_).output, "forgotten")
        self.assertTrue(Ticket.objects.get().is_urgent)
