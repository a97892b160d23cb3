"""Routes of Connect: where workers ask for a session, connect, and leave replies that no gateway acknowledged."""

from __future__ import annotations

import asyncio
import importlib.util
import json

from inngest_connect.codec import FrameError, dump, parse
from inngest_connect.messages import Reply, ReplyAck, StartRequest, StartResponse, WorkerConnect
from inngest_core.web.asgi import Receive, Scope, Send
from inngest_core.web.messages import Response
from inngest_devserver.calls.caller import WORKERS_URL
from inngest_devserver.engine import Engine
from inngest_devserver.workers.connection import Connection, RefusedError, registration
from inngest_devserver.workers.wire import Wire

from .answers import APIError, Call

GATEWAY_GROUP = "gw-dev"
_PROTOBUF = {"content-type": "application/octet-stream"}


class ConnectRoutes:
    """The requests of workers over HTTP. They answer 501 where the extra `connect` is not installed."""

    def __init__(self, engine: Engine) -> None:
        self._assignments = engine.assignments

    def start(self, call: Call) -> Response:
        """Give a worker a session and the URL to connect to."""
        _require_extra()
        try:
            parse(StartRequest, call.request.body)  # there is one gateway only, so none can be left out
        except FrameError as error:
            raise APIError(400, f"Invalid request: {error}") from None
        connection_id, token = self._assignments.sessions.open()
        scheme = "wss" if call.request.url.startswith("https") else "ws"
        answer = StartResponse(
            connection_id=connection_id,
            gateway_endpoint=f"{scheme}://{call.request.headers['host']}/v0/connect",
            gateway_group=GATEWAY_GROUP,
            session_token=token,
            sync_token=token,
        )
        return Response(200, _PROTOBUF, dump(answer))

    async def flush(self, call: Call) -> Response:
        """Take in a reply that came over no connection; the answer promises that it is kept."""
        _require_extra()
        try:
            reply = parse(Reply, call.request.body)
            json.loads(reply.system_trace_ctx)
        except (FrameError, ValueError) as error:
            raise APIError(400, f"Invalid request: {error}") from None
        assignment = self._assignments.reply(reply)
        if assignment is not None and not await asyncio.shield(assignment.kept):
            raise APIError(503, "the call of this reply was given up before the reply was kept")
        return Response(200, _PROTOBUF, dump(ReplyAck(request_id=reply.request_id)))


class ConnectSocket:
    """The WebSocket of workers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._assignments = engine.assignments

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a worker for as long as it is connected."""
        if scope["type"] != "websocket":
            raise APIError(426, "this is the WebSocket of Connect; workers ask /v0/connect/start for a session first")
        _require_extra()
        connection = Connection(Wire(scope, receive, send), self._assignments, self._admit)
        reason = await connection.serve()
        names = ", ".join(sorted(connection.apps))
        self._engine.journal.say(
            f"worker {connection.instance_id or '?'} of {names or 'no app'} disconnected: {reason}"
        )

    def _admit(self, hello: WorkerConnect) -> None:
        token = "" if hello.auth_data is None else hello.auth_data.session_token
        if not self._assignments.sessions.use(hello.connection_id, token):
            raise RefusedError("connect_authentication_failed")
        if not hello.instance_id or not hello.apps:
            raise RefusedError("connect_invalid_worker")
        for number, app in enumerate(hello.apps):
            url = f"{WORKERS_URL}/{app.app_name}"
            registered = self._engine.registry.register(registration(hello, number, url))
            self._engine.executor.attempts.app_is_up(registered.app.id)
        self._engine.store.commit()
        names = ", ".join(app.app_name for app in hello.apps)
        self._engine.journal.say(f"worker {hello.instance_id} of {names} connected")


def _require_extra() -> None:
    if importlib.util.find_spec("google") is None or importlib.util.find_spec("google.protobuf") is None:
        raise APIError(501, "this engine has no Connect: pip install 'inngest-suite[connect]' where it runs")
