"""Answers a request that an adapter could not read, such as one whose body somebody else has consumed.

The reason is thrown into the App's own flow, as the outcome of its first effect: so the answer has the form, the code
and the headers of every other one, and `App.handle` stays the only place that turns errors into answers.
"""

from __future__ import annotations

from typing import cast

from inngest_core.errors import InngestError
from inngest_core.web.messages import Request, Response

from .app import App

_UNREAD = Request("", "", {}, b"")


def refuse(core: App, error: InngestError) -> Response:
    """Return the coded answer for *error*; no function runs, and nothing is signed."""
    flow = core.handle(_UNREAD)
    next(flow)
    try:
        effect = flow.throw(error)
    except StopIteration as end:
        return cast("Response", end.value)
    raise AssertionError(f"an answer without a signature needs no {effect}")
