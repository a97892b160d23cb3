"""The tables of the engine, as rows in Python and as SQL. Only `store.py` reads and writes them.

Rows are named tuples: they go into statements as they are, which is the hot path of the engine.

They are laid out so that a restart can resume from them: what a run waits for (pauses), what is to be done (jobs)
and what is already known (memos) are rows, written in one transaction with what caused them.
"""

from __future__ import annotations

from typing import NamedTuple

from .flow_tables import TABLES as FLOW_TABLES

MIGRATIONS = (
    """
CREATE TABLE apps (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, sdk TEXT NOT NULL, framework TEXT NOT NULL,
    checksum TEXT NOT NULL, created_at REAL NOT NULL, archived_at REAL
);
CREATE TABLE functions (
    id TEXT PRIMARY KEY, app_id TEXT NOT NULL, slug TEXT NOT NULL, config BLOB NOT NULL,
    created_at REAL NOT NULL, archived_at REAL
);
CREATE TABLE events (
    internal_id TEXT PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, ts INTEGER NOT NULL,
    received_at REAL NOT NULL, body BLOB NOT NULL
);
CREATE INDEX events_by_name ON events (name, internal_id);
CREATE INDEX events_by_id ON events (id);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, function_id TEXT NOT NULL, event_id TEXT NOT NULL, event_key TEXT NOT NULL,
    batch TEXT NOT NULL, status TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL, output BLOB,
    version INTEGER NOT NULL, trace_id TEXT NOT NULL, parent_run TEXT NOT NULL, parent_step TEXT NOT NULL
);
CREATE INDEX runs_by_event ON runs (event_id);
CREATE INDEX runs_by_key ON runs (function_id, event_key);
CREATE INDEX runs_active ON runs (id) WHERE ended_at IS NULL;
CREATE TABLE memos (
    run_id TEXT NOT NULL, position INTEGER NOT NULL, step_id TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (run_id, position)
);
CREATE TABLE pauses (
    run_id TEXT NOT NULL, step_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, since REAL NOT NULL,
    race INTEGER NOT NULL, event TEXT NOT NULL, expression TEXT NOT NULL,
    PRIMARY KEY (run_id, step_id)
);
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, run_id TEXT NOT NULL, kind TEXT NOT NULL, step_id TEXT NOT NULL, due REAL NOT NULL,
    attempt INTEGER NOT NULL, position INTEGER NOT NULL
);
CREATE INDEX jobs_by_run ON jobs (run_id);
CREATE TABLE history (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, step_id TEXT NOT NULL,
    name TEXT NOT NULL, attempt INTEGER NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX history_by_run ON history (run_id);
""",
    "ALTER TABLE runs ADD COLUMN plan_only INTEGER NOT NULL DEFAULT 0;",
    """
ALTER TABLE history ADD COLUMN op TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN since REAL;
CREATE TABLE inputs (run_id TEXT NOT NULL, step_id TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (run_id, step_id));
ALTER TABLE runs ADD COLUMN rerun_of TEXT NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN version TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;
""",
    "ALTER TABLE pauses ADD COLUMN request BLOB NOT NULL DEFAULT x'';",
    FLOW_TABLES,
    "CREATE INDEX runs_by_start ON runs (started_at, id);",
    "CREATE INDEX runs_of_batches ON runs (id) WHERE ended_at IS NULL AND batch != event_id;",
    "DROP INDEX runs_by_key;",
    """
CREATE INDEX runs_by_parent ON runs (parent_run) WHERE parent_run != '';
CREATE INDEX runs_by_original ON runs (rerun_of) WHERE rerun_of != '';
""",
    """
ALTER TABLE history ADD COLUMN queued REAL;
ALTER TABLE history ADD COLUMN position INTEGER NOT NULL DEFAULT -1;
ALTER TABLE history ADD COLUMN error BLOB;
ALTER TABLE pauses ADD COLUMN position INTEGER NOT NULL DEFAULT -1;
""",
    """
CREATE TABLE metadata (
    run_id TEXT NOT NULL, step_id TEXT NOT NULL, scope TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL,
    updated_at REAL NOT NULL, PRIMARY KEY (run_id, step_id, scope, kind)
);
""",
)
"""What makes the tables: applied one after another. A file keeps how many it has had in `PRAGMA user_version`."""


class AppRow(NamedTuple):
    """An app. checksum: of its registration, to see whether a new one changes anything. version: its own, if any."""

    id: str
    name: str
    url: str
    sdk: str
    framework: str
    checksum: str
    created_at: float
    archived_at: float | None = None
    version: str = ""


class FunctionRow(NamedTuple):
    """A function. config: the JSON object that was registered."""

    id: str
    app_id: str
    slug: str
    config: bytes
    created_at: float
    archived_at: float | None = None


class EventRow(NamedTuple):
    """An event. id: the sender's own, else the internal one. body: the JSON object that apps get."""

    internal_id: str
    id: str
    name: str
    ts: int
    received_at: float
    body: bytes


class RunRow(NamedTuple):
    """A run. event_key: what makes it the only run of its function for one event. batch: internal ids of its events,
    one after another with commas. output: JSON, once ended. version: of the app's requests. parent_run, parent_step:
    the step that invoked it, or empty. plan_only: the app is to plan all steps. rerun_of: the run that it does again.
    """

    id: str
    function_id: str
    event_id: str
    event_key: str
    batch: str
    status: str
    started_at: float
    ended_at: float | None
    output: bytes | None
    version: int
    trace_id: str
    parent_run: str
    parent_step: str
    plan_only: bool = False
    rerun_of: str = ""


class PauseRow(NamedTuple):
    """A step that was reported and is not done. kind: see runs.PauseKind. race: its end asks for discovery at once.

    event, expression: what a wait waits for. event: the signal of a wait for one, empty when another wait took it over.
    request: what a fetch asks for. position: size of the stack when it was reported, -1 if that is not known.
    """

    run_id: str
    step_id: str
    kind: str
    name: str
    since: float
    race: bool
    event: str = ""
    expression: str = ""
    request: bytes = b""
    position: int = -1


class MetadataRow(NamedTuple):
    """What is known of a step under a kind, besides its result. step_id: empty for the run. body: a JSON object."""

    run_id: str
    step_id: str
    scope: str
    kind: str
    body: bytes
    updated_at: float


class JobRow(NamedTuple):
    """Something to be done at a time. kind: see queue.JobKind. position: size of the stack when it was queued."""

    id: str
    run_id: str
    kind: str
    step_id: str
    due: float
    attempt: int
    position: int


class HistoryRow(NamedTuple):
    """One thing that happened to a run. op: the kind of the step, see runs.PauseKind. since: when it began.

    queued: when the step was reported, if it ran later. position: size of the stack when it was reported, -1 if that is
    not known. error: of an attempt that failed, as JSON.
    """

    run_id: str
    at: float
    kind: str
    step_id: str
    name: str
    attempt: int
    detail: str
    op: str = ""
    since: float | None = None
    queued: float | None = None
    position: int = -1
    error: bytes | None = None
