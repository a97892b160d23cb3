"""The tables of flow control, as rows in Python and as SQL. Only `flow.py` reads and writes them."""

from __future__ import annotations

from typing import NamedTuple

TABLES = """
CREATE TABLE meters (
    function_id TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, full_at REAL NOT NULL,
    PRIMARY KEY (function_id, kind, key)
);
CREATE TABLE known_events (
    function_id TEXT NOT NULL, event_key TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (function_id, event_key)
);
CREATE INDEX known_events_by_time ON known_events (until);
CREATE TABLE debounces (
    id TEXT PRIMARY KEY, function_id TEXT NOT NULL, key TEXT NOT NULL, event_id TEXT NOT NULL, last_at REAL NOT NULL,
    due REAL NOT NULL, latest REAL, closed INTEGER NOT NULL
);
CREATE TABLE batches (id TEXT PRIMARY KEY, function_id TEXT NOT NULL, key TEXT NOT NULL, due REAL NOT NULL);
CREATE TABLE batched_events (
    batch_id TEXT NOT NULL, position INTEGER NOT NULL, event_id TEXT NOT NULL, PRIMARY KEY (batch_id, position)
);
CREATE TABLE crons (
    function_id TEXT NOT NULL, cron TEXT NOT NULL, last REAL NOT NULL, PRIMARY KEY (function_id, cron)
);
CREATE TABLE cancellations (
    id TEXT PRIMARY KEY, app_name TEXT NOT NULL, function_slug TEXT NOT NULL, function_id TEXT NOT NULL,
    started_after REAL, started_before REAL NOT NULL, expression TEXT NOT NULL, created_at REAL NOT NULL
);
"""


class MeterRow(NamedTuple):
    """How full a rate limit or a throttle is. full_at: the Unix time until which what was admitted counts."""

    function_id: str
    kind: str
    key: str
    full_at: float


class DebounceRow(NamedTuple):
    """A debounce. event_id: its last event. due: when it starts its run. latest: when it is over whatever comes.

    closed: later events belong to another one.
    """

    id: str
    function_id: str
    key: str
    event_id: str
    last_at: float
    due: float
    latest: float | None
    closed: bool = False


class BatchRow(NamedTuple):
    """A batch that is not full. due: when it starts its run even so."""

    id: str
    function_id: str
    key: str
    due: float


class CronRow(NamedTuple):
    """How far a cron has come. last: the last moment that is settled: it fired then, or began after it."""

    function_id: str
    cron: str
    last: float


class CancellationRow(NamedTuple):
    """Runs to cancel: those of one function that began between two moments and, if given, meet an expression."""

    id: str
    app_name: str
    function_slug: str
    function_id: str
    started_after: float | None
    started_before: float
    expression: str
    created_at: float
