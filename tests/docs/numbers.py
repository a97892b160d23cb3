"""The sentences of the pages that hold a number of the code, with the number that the code has."""

from __future__ import annotations

from inngest_core.engine_api import MAX_TRIES
from inngest_core.error_text import LONGEST_MESSAGE, LONGEST_NAME, MOST_MEMBERS, SHORT_MESSAGE
from inngest_core.execution.async_execution import SEARCH_SECONDS
from inngest_core.execution.checkpoint import RETRY_SECONDS
from inngest_core.execution.failure import LONGEST_CAUSE_CHAIN, LONGEST_STACK
from inngest_core.options.client_opts import DEFAULT_HOOK_TIMEOUT, DEFAULT_REQUEST_TIMEOUT
from inngest_core.protocol.limits import (
    MAX_CANCEL,
    MAX_CANONICAL_BYTES,
    MAX_CONCURRENCY,
    MAX_EVENT_BYTES,
    MAX_EVENT_NAME,
    MAX_EVENTS,
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    MAX_RETRIES,
    MAX_STATE_ANSWER_BYTES,
    MAX_STATE_BYTES,
    MAX_STEP_BYTES,
    MAX_STEPS,
    MAX_TRIGGER_NAME,
    MAX_TRIGGERS,
    MAX_URL,
    MAX_WAIT_SECONDS,
    SIGNATURE_WINDOW_SECONDS,
)
from inngest_core.runtime.async_body import SETTLE_TURNS, UNWIND_SECONDS
from inngest_core.runtime.held_loop import HELD_LOOP_SECONDS
from inngest_core.runtime.pool import DEFAULT_SIZE as POOL_SIZE
from inngest_core.web.messages import MAX_DRAINED, HTTPRequest
from inngest_devserver.engine import Options
from inngest_devserver.hosting.app_servers import WSGI_THREADS

WORDS = {10: "ten"}


def sentences_with_numbers() -> dict[str, list[str]]:
    """Return by page what it must say, wherever its lines are broken."""
    answer_bytes = HTTPRequest("GET", "http://engine", {}).max_response_bytes
    mib = 1024 * 1024
    return {
        "architecture.md": [f"{WORDS[SETTLE_TURNS]} turns", f"gives up after {SEARCH_SECONDS:.0f} seconds"],
        "checkpointing.md": [
            f"1 to {MAX_STEPS:,}",
            f"up to {MAX_TRIES} times",
            f"not after {RETRY_SECONDS:.0f} seconds",
            f"at most {MAX_STEP_BYTES // mib} MiB, and all results of a run {MAX_STATE_BYTES // mib} MiB",
        ],
        "engine.md": [f"Up to {Options().concurrency} call requests"],
        "command-line.md": [f"with {WSGI_THREADS} threads"],
        "errors.md": [
            f"over {MAX_REQUEST_BYTES // mib} MiB",
            f"longer than {MAX_URL:,} characters",
            f"longer than {UNWIND_SECONDS:.0f} seconds",
            f"message | {LONGEST_MESSAGE:,} characters",
            f"traceback | {LONGEST_STACK:,} characters",
            f"name | {LONGEST_NAME} characters",
            f"another message | {SHORT_MESSAGE:,} characters",
            f"causes | {LONGEST_CAUSE_CHAIN} errors",
            f"At most {MOST_MEMBERS} exceptions",
        ],
        "events.md": [
            f"More than {MAX_EVENTS:,} events, or more than {MAX_EVENT_BYTES // mib} MiB",
            f"1 to {MAX_EVENT_NAME} characters without spaces, or 1 to {MAX_TRIGGER_NAME} if",
        ],
        "functions.md": [
            f"has 1 to {MAX_TRIGGER_NAME} characters without spaces",
            f"to retry, 0 to {MAX_RETRIES};",
            f"a list of up to {MAX_TRIGGERS} |",
            f"a list of up to {MAX_CANCEL} `Cancel`",
            f"a list of up to {MAX_CONCURRENCY} `Concurrency`",
        ],
        "parallel.md": [f"until {WORDS[SETTLE_TURNS]} turns"],
        "security.md": [
            f"more than {SIGNATURE_WINDOW_SECONDS} seconds old",
            f"at most {MAX_CANONICAL_BYTES // 1024} KiB",
            f"longer than {MAX_URL:,} characters",
            f"is above {MAX_REQUEST_BYTES // mib} MiB",
            f"After {MAX_DRAINED // mib} MiB",
            f"An answer may have {answer_bytes // mib} MiB, and {MAX_STATE_ANSWER_BYTES // mib} MiB if",
            f"({DEFAULT_REQUEST_TIMEOUT.seconds} seconds by default)",
        ],
        "middleware.md": [f"{DEFAULT_HOOK_TIMEOUT.seconds // 60} minutes by default"],
        "servers.md": [f"at most {POOL_SIZE} sync functions", f"reads at most {MAX_REQUEST_BYTES // mib} MiB"],
        "starlette.md": [f"than {HELD_LOOP_SECONDS * 1000:.0f} ms", f"limit here is {MAX_REQUEST_BYTES // mib} MiB"],
        "steps.md": [
            f"takes {MAX_STEP_BYTES // mib} MiB as the result of one step",
            f"{MAX_RESPONSE_BYTES // mib} MiB as the result of a",
            f"{MAX_STEPS:,} steps in one run",
            f"{MAX_STATE_BYTES // mib} MiB in one run",
            f"for up to {MAX_WAIT_SECONDS // 86_400} days",
            f"more than {HELD_LOOP_SECONDS * 1000:.0f} ms",
        ],
    }
