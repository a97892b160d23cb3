"""What step.fetch takes and gives."""

from __future__ import annotations

import datetime
from typing import assert_type

import httpx

import inngest


def fetch(step: inngest.StepSync) -> None:
    assert_type(step.fetch("a", "https://api.test"), httpx.Response)
    step.fetch("a", "https://api.test", method="POST", json={"a": datetime.date.today()}, headers=[("a", "b")])
    step.fetch("a", "https://api.test", params={"page": 1, "tags": ["a", "b"]}, timeout=datetime.timedelta(seconds=5))
    step.fetch("a", "https://api.test", data={"a": 1}, content=b"1", offload=False)
    step.fetch("a", "https://api.test", headers={"a": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    step.fetch("a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def fetch_async(step: inngest.Step) -> None:
    assert_type(await step.fetch("a", "https://api.test"), httpx.Response)
