"""A worker, asked as its connection would ask it. It is not a `TARGET`: nothing of HTTP can be asked of a worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from urllib.parse import parse_qs

import inngest
from inngest_connect.codec import dump, parse
from inngest_connect.messages import ExecutorRequest, Reply
from inngest_connect.served import Served

from .target import Answer, Functions, Headers, Send

_STATUSES = {0: 206, 1: 200, 2: 500}
TRACE = json.dumps({"traceparent": "00-ad802a7611398a62f161d78f4f676a45-9a8e5b3ab2ad7572-01"}).encode()


def connecting(check: Callable[[ExecutorRequest, Reply], None]) -> Callable[[inngest.Inngest, Functions], Send]:
    """Return how to serve functions by a worker; *check* sees each request with its reply, as they are on the wire."""

    def connect(client: inngest.Inngest, functions: Functions) -> Send:
        served = Served([(client, functions)])

        def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
            asked = _executor_request(client.app_id, query, body)
            reply = parse(Reply, dump(asyncio.run(served.answer(parse(ExecutorRequest, dump(asked))))))
            check(asked, reply)
            return _answer(reply)

        return send

    return connect


def _executor_request(app_id: str, query: str, body: bytes) -> ExecutorRequest:
    asked = parse_qs(query)
    return ExecutorRequest(
        request_id="request",
        account_id="account",
        env_id="env",
        app_id="app-id",
        app_name=app_id,
        function_id="function-id",
        function_slug=asked["fnId"][0],
        step_id=asked["stepId"][0],
        request_payload=body,
        system_trace_ctx=b"{}",
        user_trace_ctx=TRACE,
        run_id="run",
        lease_id="lease",
        job_id="job",
    )


def _answer(reply: Reply) -> Answer:
    """Return the answer that an engine makes of a reply."""
    headers: dict[str, str] = {}
    if reply.no_retry:
        headers["x-inngest-no-retry"] = "true"
    if reply.retry_after:
        headers["retry-after"] = reply.retry_after
    return Answer(_STATUSES[reply.status], headers, reply.body)
