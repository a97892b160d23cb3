"""A function of DigitalOcean, called as the platform does."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import inngest
import inngest.digital_ocean

from .target import Answer, Functions, Headers, Send


@dataclass(frozen=True, slots=True)
class Context:
    """What the platform tells about a function."""

    api_host: str = "http://shop.example:8000"
    function_name: str = "/fn-0f1e/shop/jobs"


@dataclass(frozen=True, slots=True)
class DigitalOceanTarget:
    name: str = "digital-ocean"
    framework: str = "digitalocean"
    path: str = "/api/v1/web/fn-0f1e/shop/jobs"

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send:
        handler = inngest.digital_ocean.serve(client, functions)

        def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
            http = {
                "body": base64.b64encode(body).decode(),
                "headers": {"content-type": "application/json", **headers},
                "isBase64Encoded": True,
                "method": method,
                "path": "",
                "queryString": query,
            }
            answer = handler({"http": http}, Context())
            head = {name.lower(): value for name, value in answer["headers"].items()}
            return Answer(answer["statusCode"], head, answer["body"].encode())

        return send


TARGET = DigitalOceanTarget()
