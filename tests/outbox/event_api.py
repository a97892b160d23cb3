"""The event API of an engine that takes events, or refuses them."""

from __future__ import annotations

from typing import Any

import inngest
from tests.stage.effects import News
from tests.stage.engine_api import Answer, Recorded


class Events:
    """The event API: keeps the events that it took. A name with "bad" in it is refused with its whole request."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.news = News()
        self.failures: list[Answer] = []

    def __call__(self, request: Recorded) -> Answer:
        if self.failures:
            return self.failures.pop(0)
        events = request.json()
        if any("bad" in event["name"] for event in events):
            return 400, {"error": "bad event", "status": 400}
        self.taken.extend(events)
        self.news.tell()
        return 200, {"ids": [event["id"] for event in events], "status": 200}

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.taken]


def event(name: str, **data: object) -> inngest.Event:
    return inngest.Event(name=name, data=data)
