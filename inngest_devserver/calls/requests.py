"""The URL and the headers of a call request, as recorded exchanges have them. Pure."""

from __future__ import annotations

import functools
import re
import urllib.parse

from inngest_core.protocol.wire import Header, Query
from inngest_devserver.ids import span_id
from inngest_devserver.runs.run import Run
from inngest_devserver.storage.tables import JobRow

_TRACEPARENT = Header.TRACEPARENT.value
_TRACESTATE = Header.TRACESTATE.value
_GENERATION_ID = Header.GENERATION_ID.value
_JOB_ID = Header.JOB_ID.value
_REQUEST_VERSION = Header.REQUEST_VERSION.value
_STEP_ID = Header.STEP_ID.value
_REQUEST_ID = Header.REQUEST_ID.value
_RUN_ID = Header.RUN_ID.value
_PASSWORD = re.compile(r"^([^/?#:]*:?//[^/?#:]*):[^/?#]*@")


@functools.lru_cache(maxsize=4096)
def call_url(url: str, slug: str, step_id: str) -> str:
    """Return the URL of a function with *step_id* in its query."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    query.setdefault(Query.FUNCTION_ID, slug)
    query[Query.STEP_ID] = step_id
    return parts._replace(query=urllib.parse.urlencode(query)).geturl()


def call_headers(run: Run, job: JobRow, request_id: str) -> dict[str, str]:
    """Return the headers of a call request, without those that every request of the engine has."""
    trace = run.row.trace_id
    traceref = f"%7B%22tp%22%3A%2200-{trace}-{span_id()}-01%22%2C%22ts%22%3A%22%22%7D"  # a JSON object, quoted
    return {
        _TRACEPARENT: f"00-{trace}-{span_id()}-01",
        _TRACESTATE: (f"inngest@traceref={traceref},inngest@fn={run.function.id},inngest@app={run.function.app_id}"),
        _GENERATION_ID: str(job.attempt + 1),
        _JOB_ID: job.id,
        _REQUEST_VERSION: str(run.version),
        _STEP_ID: job.step_id,
        _REQUEST_ID: request_id,
        _RUN_ID: run.id,
    }


def without_password(url: str) -> str:
    """Return *url*, which may be none, as it may be shown."""
    return _PASSWORD.sub(r"\1:***@", url)
