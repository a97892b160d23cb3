"""Asks an engine's API, over HTTP or in this process, and puts what goes wrong into words for an assistant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import httpx

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import parse_json
from inngest_devserver.json_parts import mapping, mappings

Query = Sequence[tuple[str, str]]


class RefusedError(Exception):
    """The engine cannot be asked, or does not do what was asked; the message says why."""


class NotThereError(RefusedError):
    """The engine does not have it."""


class Asking:
    """client: sends requests to the engine, with what it asks for. event_key: with which events are sent."""

    def __init__(self, client: httpx.AsyncClient, event_key: str = "NO_EVENT_KEY_SET") -> None:
        self._client = client
        self.event_key = event_key

    async def get(self, path: str, query: Query = ()) -> Any:
        """Return the data at a path. Raises RefusedError."""
        return (await self.ask("GET", path, query=query)).get("data")

    async def post(self, path: str, body: object) -> Any:
        """Send JSON to a path, and return the data of the answer. Raises RefusedError."""
        return (await self.ask("POST", path, body=body)).get("data")

    async def ask(self, method: str, path: str, *, query: Query = (), body: object = None) -> dict[str, Any]:
        """Exchange one request, and return the whole answer. Raises RefusedError."""
        try:
            answer = await self._client.request(method, path, params=list(query), json=body)
        except httpx.HTTPError as error:
            raise RefusedError(
                f"no engine answers at {self._client.base_url} ({str(error) or type(error).__name__}); start one with "
                "`inngest dev module:app`, or name another with --url"
            ) from None
        if answer.status_code in (401, 403):
            raise RefusedError("the engine asks for a key: set INNGEST_SIGNING_KEY or INNGEST_TOKEN for `inngest mcp`")
        try:
            value: object = parse_json(answer.content)
        except BodyInvalidError:
            raise RefusedError(f"{path} answers {answer.status_code} without JSON: is this an engine?") from None
        if answer.is_success:
            return cast("dict[str, Any]", value) if isinstance(value, dict) else {"data": value}
        kind = NotThereError if answer.status_code == 404 else RefusedError
        raise kind(_complaint(value) or f"the engine answers {answer.status_code}")


def _complaint(value: object) -> str:
    errors = [str(one.get("message")) for one in mappings(mapping(value).get("errors"))]
    return "; ".join(errors) or str(mapping(value).get("error") or "")
