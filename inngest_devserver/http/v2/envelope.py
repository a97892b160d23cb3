"""What is around every answer of `/api/v2`."""

from __future__ import annotations

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import json_response
from inngest_devserver.scheduling.clock import iso

from .shapes import Page


def answered(engine: Engine, data: object, page: Page | None = None, *, status: int = 200) -> Response:
    """Return an answer with data, and with the page that it is of a list."""
    metadata = {"fetchedAt": iso(engine.clock.now()), "lastChange": engine.changes.last_id}
    body: dict[str, object] = {"data": data, "metadata": metadata}
    if page is not None:
        body["page"] = page
    return json_response(body, status)
