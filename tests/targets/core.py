"""The core alone, without a framework: what both core targets share."""

from __future__ import annotations

from dataclasses import dataclass

import inngest
from inngest_core.serving.app import App
from inngest_core.web.messages import Request
from tests.stage.asks import Ask

from .target import HOST, Answer, Functions, Headers, Send


@dataclass(frozen=True, slots=True)
class CoreTarget:
    """A target that is asked through the seam. ask: how a request is driven through it."""

    name: str
    ask: Ask
    framework: str = "bare"
    path: str = "/api/inngest"

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send:
        app = App(client, functions, framework=self.framework, can_stream=True)

        def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
            url = f"http://{HOST}{self.path}?{query}" if query else f"http://{HOST}{self.path}"
            response = self.ask(app, Request(method, url, {k.lower(): v for k, v in headers.items()}, body))
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.content)

        return send
