"""The two requests of Connect that go over HTTP: where to connect, and a reply that no gateway acknowledged."""

from __future__ import annotations

from collections.abc import Sequence

from inngest_core.client import Inngest
from inngest_core.engine_api import refusal
from inngest_core.protocol.limits import MIB
from inngest_core.protocol.wire import Header
from inngest_core.runtime.drivers import run_async
from inngest_core.runtime.effects import Flow
from inngest_core.web.messages import HTTPResponse, TransportError

from .codec import FrameError, Message, dump, parse
from .messages import Reply, StartRequest, StartResponse
from .session import NotConnectedError

MAX_ANSWER_BYTES = MIB
_REFUSED = frozenset({401, 403})
_TRY_AGAIN = frozenset({401, 403, 408, 425, 429})


async def ask_where_to_connect(client: Inngest, exclude_gateways: Sequence[str]) -> StartResponse:
    """Ask the engine for a gateway and a session; raises NotConnectedError."""
    request = StartRequest(exclude_gateways=tuple(exclude_gateways))
    try:
        response = await run_async(_post(client, "/v0/connect/start", request), client.resources)
    except TransportError as error:
        raise NotConnectedError(f"{error}; {client.engine_api.hint_of_no_answer()}") from error
    if response.status in _REFUSED:
        raise NotConnectedError(f"{refusal(response)}; check that INNGEST_SIGNING_KEY is the key of this environment")
    if response.status == 429:
        raise NotConnectedError(f"{refusal(response)}; too many workers are connected")
    if response.status != 200:
        raise NotConnectedError(f"{refusal(response)}; does this engine know Connect?")
    try:
        start = parse(StartResponse, response.body)
    except FrameError as error:
        raise NotConnectedError(f"the engine answered what no engine would: {error}") from None
    if not start.gateway_endpoint:
        raise NotConnectedError("the engine named no gateway")
    return start


async def flush(client: Inngest, reply: Reply) -> str | None:
    """Give the engine a reply over HTTP; return None when it has it or will never take it, else why not yet."""
    try:
        response = await run_async(_post(client, "/v0/connect/flush", reply), client.resources)
    except TransportError as error:
        return str(error)
    if response.status >= 500 or response.status in _TRY_AGAIN:
        return refusal(response)
    if response.status >= 400:
        client.logger.error("the reply of run %s is lost: %s", reply.run_id, refusal(response))
    return None


def _post(client: Inngest, path: str, message: Message) -> Flow[HTTPResponse]:
    return client.engine_api.fetch(
        "POST",
        path,
        headers={Header.CONTENT_TYPE.value: "application/protobuf"},
        body=dump(message),
        max_response_bytes=MAX_ANSWER_BYTES,
    )
