"""A mount of a Starlette app."""

from starlette.applications import Starlette
from starlette.routing import Mount

import inngest
import inngest.starlette

from .target import ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> Starlette:
    mount = Mount("/jobs", routes=[])
    inngest.starlette.serve(mount, client, functions)
    return Starlette(routes=[mount])


TARGET = ASGITarget("starlette-mount", "starlette", "/jobs/api/inngest", make)
