"""The body of a Starlette request: read once, and left for whoever reads it next.

A middleware or a function may ask for the body after us, and a connection gives it once. Whoever read it before us has
put it back into the messages that we receive, as Starlette's own middleware does. This is the only file here that
touches what Starlette keeps to itself.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Receive

from inngest_core.web.asgi import read_body


async def take_body(request: Request, receive: Receive, cap: int) -> bytes:
    """Return at most cap + 1 bytes of the body."""
    body = await read_body(receive, cap)
    request._body = body
    return body
