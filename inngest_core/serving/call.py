"""POST: parse the call request, find the function, get the full state, run the call.

Pure flows: the request is verified before it comes here, and signed after.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inngest_core.client import Inngest
from inngest_core.engine_api import trace_headers
from inngest_core.errors import FunctionNotFoundError, QueryParamMissingError
from inngest_core.execution.function_call import FunctionCall
from inngest_core.execution.probe import tell_of_call
from inngest_core.function import Function, Handler
from inngest_core.protocol.wire import STEP_ID_OF_DISCOVERY, CallRequest, Query, parse_call
from inngest_core.runtime.effects import Flow, Invoke
from inngest_core.web.messages import Request, cache_short, query_of

Functions = Mapping[str, tuple[Function[Any], Handler]]


def find_call(request: Request, client: Inngest, functions: Functions, started: float) -> Flow[Invoke]:
    """Return what runs the call that is asked for; raises RequestError when it cannot be answered as asked.

    The result of that is an Answer. started: when the request came, in Unix seconds.
    """
    fn_id, step_id = parse_query(request.url)
    call = parse_call(request.body)
    fn_id = _full_id(fn_id, client, functions)
    function, handler = functions[fn_id]
    if call.ctx.use_api:
        call = yield from _with_full_state(call, client, request)
    target = None if step_id == STEP_ID_OF_DISCOVERY else step_id
    probe = tell_of_call(call.ctx, function, client.logger)
    made = FunctionCall(client, function, handler, fn_id, call, target, request, started)
    if probe is not None:
        probe.call_made(call.ctx, made.met, call.steps)
    run = made.run()
    return Invoke(run if function.around is None else function.around(run), handler.is_async)


def _with_full_state(call: CallRequest, client: Inngest, request: Request) -> Flow[CallRequest]:
    headers = trace_headers(request.headers)
    steps, events, size = yield from client.engine_api.fetch_state(call.ctx.run_id, headers=headers)
    return replace(call, steps=steps, events=events, state_bytes=size)


@cache_short
def parse_query(url: str) -> tuple[str, str]:
    """Return fnId and stepId; raises QueryParamMissingError when one is missing, empty or given twice."""
    query = urllib.parse.parse_qs(query_of(url), keep_blank_values=True)
    return _only(query, Query.FUNCTION_ID), _only(query, Query.STEP_ID)


def _only(query: Mapping[str, list[str]], key: Query) -> str:
    values = query.get(key.value, [])
    if len(values) == 1 and values[0]:
        return values[0]
    seen = "is missing" if not values else "is empty" if len(values) == 1 else f"is given {len(values)} times"
    raise QueryParamMissingError(f"the query parameter {key.value} {seen}; expected it exactly once")


def _full_id(fn_id: str, client: Inngest, functions: Functions) -> str:
    """Return the id under which a function is served, given that or its bare fn_id."""
    if fn_id in functions:  # as engines send it
        return fn_id
    full_id = f"{client.app_id}-{fn_id}"
    if full_id in functions:
        return full_id
    known = ", ".join(functions) or "none"
    raise FunctionNotFoundError(f"function {fn_id} not found; this app serves: {known}")
