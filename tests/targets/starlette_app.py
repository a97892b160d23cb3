"""A Starlette app."""

from starlette.applications import Starlette

import inngest
import inngest.starlette

from .target import ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> Starlette:
    app = Starlette()
    inngest.starlette.serve(app, client, functions)
    return app


TARGET = ASGITarget("starlette", "starlette", "/api/inngest", make)
