"""Call requests as an engine sends them, signed: small ones, ones with a large event, ones with many memos.

The shape, and so the size, is that of a recorded request of a real engine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from inngest_core.protocol.signing import SigningKey, sign
from inngest_core.protocol.wire import hash_id

APP_ID = "bench"
PATH = "/api/inngest"
SIGNING_KEY = "signkey-test-" + "0123456789abcdef" * 4
OTHER_KEY = "signkey-test-" + "fedcba9876543210" * 4
_RUN_ID = "01M81HK3A7NTSN8T6YV2V47VV1"
_EVENT_ID = "01M81HK3570DKCDWB7CSZA9QZE"


@dataclass(frozen=True, slots=True)
class Post:
    """A POST to be sent. path: with its query. headers: without host and content-length."""

    path: str
    headers: dict[str, str]
    body: bytes


def call(function: str, body: bytes, *, key: str | None = SIGNING_KEY) -> Post:
    """Return a call request, signed now; a bare route gets the very same request."""
    headers = {
        "user-agent": "Inngest",
        "content-type": "application/json",
        "accept-encoding": "gzip",
        "traceparent": "00-df1b2fa5d5b6422f88ebeba53f8c9566-fbf1a33dd956383a-01",
        "x-inngest-generation-id": "1",
        "x-inngest-job-id": "15r8v69db3113",
        "x-inngest-req-version": "-1",
        "x-inngest-server-kind": "cloud",
        "x-inngest-step-id": "step",
        "x-request-id": "01M81HK3FBXQKA09DYCAEKJ4A4",
        "x-run-id": _RUN_ID,
    }
    if key is not None:
        headers["x-inngest-signature"] = sign(body, SigningKey(key), now=time.time())
    return Post(f"{PATH}?fnId={APP_ID}-{function}&stepId=step", headers, body)


def small_body() -> bytes:
    return _body({"id": "1", "who": "me"})


def large_body(size: int) -> bytes:
    """Return a body whose event is *size* bytes of records; the body is twice as long, as it holds the event twice."""
    records: list[dict[str, object]] = []
    left = size
    while left > 0:
        number = len(records)
        record = {
            "id": number,
            "name": f"customer number {number}",
            "mail": f"customer.{number}@example.com",
            "balance": number * 1.25,
            "active": number % 3 == 0,
            "tags": ["one", "two", "three"],
            "address": {"street": f"Long Street {number}", "city": "Zürich", "zip": None},
        }
        records.append(record)
        left -= len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()) + 1
    return _body({"records": records})


def replay_body(step_ids: Sequence[str], stack: Sequence[str]) -> bytes:
    """Return a body with the memo of each step; *stack*: the same ids in the order in which they finished."""
    memos = {hash_id(step_id): {"data": {"number": number}} for number, step_id in enumerate(step_ids)}
    return _body({"id": "1"}, memos=memos, stack=[hash_id(step_id) for step_id in stack])


def _body(
    data: dict[str, object],
    *,
    memos: dict[str, dict[str, dict[str, int]]] | None = None,
    stack: Sequence[str] = (),
) -> bytes:
    """Return the JSON text; the event is in `events` too, as engines send it."""
    event = {"data": data, "id": _EVENT_ID, "name": "bench/happened", "ts": 1795348335783, "user": {}}
    ctx = {
        "attempt": 0,
        "disable_immediate_execution": False,
        "env": "",
        "fn_id": "16e05c4b-4bab-56cf-ab0e-d8797f815c16",
        "generation_id": 1,
        "job_id": "15r8v69db3113",
        "max_attempts": 5,
        "qi_id": "MTVyOHY2OWRiMzExMzo6ZGVmYXVsdA==",
        "request_id": "01M81HK3FBXQKA09DYCAEKJ4A4",
        "run_id": _RUN_ID,
        "stack": {"current": len(stack), "stack": list(stack)},
        "step_id": "step",
        "use_api": False,
    }
    call = {"ctx": ctx, "event": event, "events": [event], "steps": memos or {}, "version": -1}
    return json.dumps(call, separators=(",", ":"), ensure_ascii=False).encode()
