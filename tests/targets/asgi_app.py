"""A bare ASGI application."""

import inngest
import inngest.asgi

from .target import ASGIApplication, ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> ASGIApplication:
    return inngest.asgi.serve(client, functions)


TARGET = ASGITarget("asgi", "asgi", "/api/inngest", make)
