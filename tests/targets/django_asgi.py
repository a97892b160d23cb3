"""A Django project under ASGI, with the endpoint in an included URLconf."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from django.urls import include, path

import inngest
import inngest.django

from .django_site import ASGISite
from .target import ASGIApplication, ASGITarget, Functions, Message, Receive, SendMessage


def patient(app: Any) -> ASGIApplication:
    """Keep from Django, which stops at it, the disconnect that callers without sockets tell right after the body."""

    async def with_patience(scope: MutableMapping[str, Any], receive: Receive, send: SendMessage) -> None:
        async def receive_patiently() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                await asyncio.Event().wait()
            return message

        await app(scope, receive_patiently, send)

    return with_patience


def make(client: inngest.Inngest, functions: Functions) -> ASGIApplication:
    return patient(ASGISite([path("jobs/", include([inngest.django.serve(client, functions)]))]))


TARGET = ASGITarget("django-asgi", "django", "/jobs/api/inngest", make)
