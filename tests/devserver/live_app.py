"""A small app on a real socket: answers PUT by registering itself, and POST by script."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import httpx

from tests.stage.servers import by_uvicorn

from .harness import SDK_HEADERS

Message = MutableMapping[str, Any]


class LiveApp:
    """One function "app-f", started by "t/f", which returns what `answer` says."""

    def __init__(self, engine_origin: str) -> None:
        self.engine = engine_origin
        self.bodies: list[dict[str, Any]] = []
        self.origin = ""
        self.refusals = 0
        """How many PUTs to refuse before registering."""
        self.redirect_from: str | None = None

    @property
    def url(self) -> str:
        return f"{self.origin}/api/inngest"

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, answer, headers = await self._answer(scope, body)
        spelled = [(name.encode(), value.encode()) for name, value in {**SDK_HEADERS, **headers}.items()]
        await send({"type": "http.response.start", "status": status, "headers": spelled})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def _answer(self, scope: Message, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if scope["path"] == self.redirect_from:
            return 307, None, {"location": "/api/inngest"}
        if scope["method"] == "PUT":
            return await self._register()
        query = parse_qs(scope["query_string"].decode())
        self.bodies.append(json.loads(body))
        return 200, {"answered": query["fnId"][0]}, {}

    async def _register(self) -> tuple[int, Any, dict[str, str]]:
        if self.refusals:
            self.refusals -= 1
            return 500, {"message": "not yet", "modified": False}, {}
        function = {
            "id": "app-f",
            "name": "f",
            "triggers": [{"event": "t/f"}],
            "steps": {
                "step": {
                    "id": "step",
                    "name": "step",
                    "runtime": {"type": "http", "url": f"{self.url}?fnId=app-f&stepId=step"},
                }
            },
        }
        registration = {"appName": "app", "url": self.url, "functions": [function]}
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(f"{self.engine}/fn/register", json=registration)
        return answer.status_code, answer.json(), {}


@contextlib.asynccontextmanager
async def serving(app: LiveApp, port: int = 0) -> AsyncGenerator[LiveApp]:
    """Serve *app* on a real socket."""
    with by_uvicorn(app, port=port, lifespan="off") as bound:
        app.origin = f"http://127.0.0.1:{bound}"
        yield app
