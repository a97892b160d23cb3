"""What becomes of an event at the bundled engine, asked as a user would: over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from .gateway import PATIENCE_SECONDS

_PAUSE_SECONDS = 0.02


async def outcome_once_served(origin: str) -> tuple[str, object]:
    """Send the event "go" as soon as the app "shop" has a worker; return how its run ended, and with what."""
    async with httpx.AsyncClient(base_url=origin, timeout=60) as http:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await http.get("/v1/apps/shop/functions")).status_code != 200:
                await asyncio.sleep(_PAUSE_SECONDS)
        run = await run_of(http, {"name": "go", "data": {}})
        return run["status"], run["output"]


async def run_of(http: httpx.AsyncClient, event: dict[str, object]) -> dict[str, Any]:
    """Send an event and return the run that it started, once that has ended."""
    (event_id,) = (await http.post("/e/key", json=event)).json()["ids"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            runs: list[dict[str, Any]] = (await http.get(f"/v1/events/{event_id}/runs")).json()["data"]
            if runs and runs[0].get("ended_at"):
                return runs[0]
            await asyncio.sleep(_PAUSE_SECONDS)
