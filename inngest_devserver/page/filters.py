"""Which runs a page is about, as its address says it: read from a query, and written as one again, to be shared."""

from __future__ import annotations

import dataclasses
import datetime
import urllib.parse
from dataclasses import dataclass

from inngest_core.protocol.duration import parse_time
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import APIError, Call, refuse_unknown
from inngest_devserver.scheduling.clock import iso

PERIODS = {"15m": 900, "1h": 3600, "24h": 86_400, "7d": 604_800}
"""How far back to look, as an address says it, in seconds."""
PERIOD_WORDS = {
    "": "any time",
    "15m": "last 15 minutes",
    "1h": "last hour",
    "24h": "last 24 hours",
    "7d": "last 7 days",
}
STATUSES = ("queued", "running", "waiting", "completed", "failed", "cancelled")
_FILTERS = ("status", "app", "function", "since", "from", "until", "q", "cursor")
_OF_NOTES = ("did", "count", "refused")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; what is empty is not. function: `<app>-<function>`. since: see PERIODS."""

    status: tuple[str, ...] = ()
    app: str = ""
    function: str = ""
    since: str = ""
    begin: str = ""
    until: str = ""
    text: str = ""
    cursor: str = ""

    @property
    def is_filtered(self) -> bool:
        return any((self.status, self.app, self.function, self.since, self.begin, self.until, self.text))

    def query(self, **changed: object) -> str:
        """Return it as a query with `?`, with what is changed; an address without a query is `?` alone."""
        one = dataclasses.replace(self, **changed) if changed else self  # type: ignore[arg-type] # names and types match
        pairs = [("status", each) for each in one.status] + [
            ("app", one.app),
            ("function", one.function),
            ("since", one.since),
            ("from", one.begin),
            ("until", one.until),
            ("q", one.text),
            ("cursor", one.cursor),
        ]
        return "?" + urllib.parse.urlencode([(name, value) for name, value in pairs if value])

    def pairs(self) -> list[tuple[str, str]]:
        """Return what a form has to send to mean the same runs."""
        return [pair for pair in urllib.parse.parse_qsl(self.query()[1:]) if pair[0] != "cursor"]


def read(call: Call) -> Wanted:
    """Return what the query asks for; raises APIError."""
    refuse_unknown(call, (*_FILTERS, *_OF_NOTES))
    return wanted_of({name: tuple(values) for name, values in call.queries.items()})


def wanted_of(given: dict[str, tuple[str, ...]]) -> Wanted:
    """Return what the fields of a query or of a form ask for; raises APIError."""
    first = {name: values[0].strip() for name, values in given.items() if values}
    statuses = tuple(dict.fromkeys(each.lower() for each in given.get("status", ()) if each))
    unknown = [each for each in statuses if each not in STATUSES]
    if unknown:
        raise APIError(400, f"status is {unknown[0]!r}; expected one of {', '.join(STATUSES)}")
    since = first.get("since", "")
    if since and since not in PERIODS:
        raise APIError(400, f"since is {since!r}; expected one of {', '.join(PERIODS)}")
    return Wanted(
        status=statuses,
        app=first.get("app", ""),
        function=first.get("function", ""),
        since=since,
        begin=first.get("from", ""),
        until=first.get("until", ""),
        text=first.get("q", ""),
        cursor=first.get("cursor", ""),
    )


def queries_of(engine: Engine, wanted: Wanted) -> dict[str, list[str]]:
    """Return what the API is asked for, in its words; raises APIError."""
    begin, until = _moment(wanted.begin, "from"), _moment(wanted.until, "until")
    if wanted.since:
        begin = max(begin or 0.0, engine.clock.now() - PERIODS[wanted.since])
    asked = {
        "status": [each.upper() for each in wanted.status],
        "appId": [wanted.app],
        "functionId": [wanted.function],
        "from": [iso(begin)] if begin is not None else [],
        "until": [iso(until)] if until is not None else [],
        "text": [wanted.text],
        "cursor": [wanted.cursor],
    }
    return {name: values for name, values in asked.items() if any(values)}


def _moment(text: str, name: str) -> float | None:
    """Return a time as Unix seconds; one without a zone, as a browser's field gives it, is in UTC."""
    if not text:
        return None
    try:
        if text[-1] in "zZ" or "+" in text:
            return parse_time(text).timestamp()
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()
    except (ValueError, OverflowError):
        raise APIError(400, f"{name} is {text!r}; expected a time such as 2026-01-31T12:00Z") from None
