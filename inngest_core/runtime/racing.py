"""Running several things side by side until one of them is done. Decides nothing about what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_of(*works: Coroutine[Any, Any, object] | asyncio.Future[Any]) -> None:
    """Run everything side by side until one is done, and cancel the others; what is shielded goes on.

    Raises what the one that was done has raised.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
