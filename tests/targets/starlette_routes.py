"""The routes in the constructor of a Starlette app, with a lifespan."""

from starlette.applications import Starlette

import inngest
import inngest.starlette

from .target import ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> Starlette:
    return Starlette(routes=inngest.starlette.routes(client, functions), lifespan=inngest.starlette.lifespan(client))


TARGET = ASGITarget("starlette-routes", "starlette", "/api/inngest", make)
