"""Shows the whole in a few seconds: an engine, an example app, two orders, and what came of them.

    python -m examples.demo [flask | starlette | fastapi | django | tornado]

Everything runs on free ports of this machine, and is gone at the end. Exit code 0: every run ended as it should.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

from inngest_cli.remote import NO_EVENT_KEY, Remote
from inngest_cli.runs import Wanted, latest, run_of, with_trace
from inngest_devserver.engine import Options
from inngest_devserver.hosting.host import AppHost
from inngest_devserver.run_text import function_of, has_ended, in_text
from inngest_devserver.server import DevServer

FRAMEWORKS = ("flask", "starlette", "fastapi", "django", "tornado")
PATIENCE_SECONDS = 60.0

ORDERS = [
    {"order": "A1", "item": "teapot", "card": "4242"},
    {"order": "A2", "item": "kettle", "card": "stolen"},
]

EXPECTED = sorted(
    [
        ("fulfil", "COMPLETED"),  # A1: charged at the second try, packed, shipped, thanked for
        ("ship", "COMPLETED"),
        ("thank", "COMPLETED"),
        ("fulfil", "FAILED"),  # A2: the bank refuses the card
        ("fulfil-failure", "COMPLETED"),  # so its stock is released
    ]
)

DELIVERED = {
    "payment": "payment-4242",
    "parcel": ["label-A1", "box with teapot"],
    "shipped": True,
    "mail": "mail about A1 sent",
}


async def main(framework: str) -> int:
    options = Options(sink=lambda line: print(f"  {line}", flush=True))
    async with DevServer(options, port=0) as server:
        app = AppHost(f"examples.demo.{framework}.app", engine_origin=server.origin, environ=app_environ())
        try:
            await app.start()
            print(f"engine at {server.origin}, {framework} app at {app.serve_urls[0]}\n", flush=True)
            await server.register(app.serve_urls[0])
            return await asyncio.to_thread(play, Remote(server.origin, NO_EVENT_KEY, None))
        finally:
            await app.stop()


def app_environ() -> dict[str, str]:
    """Return this environment without what would lead the app elsewhere, and without tracebacks for failures meant."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    return {**environ, "INNGEST_LOG_LEVEL": "CRITICAL"}


def play(engine: Remote) -> int:
    """Place the orders, wait for the end of all runs, and show them; return the exit code."""
    print("\nplacing two orders, the second with a stolen card:")
    for order in ORDERS:
        engine.post(f"/e/{engine.event_key}", {"name": "shop/order.placed", "data": order})

    runs = wait_for_runs(engine)
    print("\nwhat happened, run by run:")
    for run in runs:
        print(f"\n{in_text(with_trace(engine, run))}")

    outcomes = sorted((function_of(run).partition("-shop-")[2], run["status"]) for run in runs)
    if outcomes == EXPECTED and DELIVERED in [run["output"] for run in runs]:
        print("\nAll runs ended as they should: one order shipped, one refused and its stock released.")
        return 0
    print(f"\nThis is not as it should be.\n  expected {EXPECTED}, with {DELIVERED}\n  seen     {outcomes}")
    return 1


def wait_for_runs(engine: Remote) -> list[dict[str, Any]]:
    """Return all runs, oldest first, once as many as expected have ended, or patience has."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        runs = latest(engine, Wanted())
        done = len(runs) >= len(EXPECTED) and all(has_ended(run) for run in runs)
        if done or time.monotonic() > end:
            return [run_of(engine, str(run["id"])) for run in reversed(runs)]
        time.sleep(0.1)


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else FRAMEWORKS[0]
    if chosen not in FRAMEWORKS:
        sys.exit(f"there is no example {chosen!r}; choose one of {', '.join(FRAMEWORKS)}")
    sys.exit(asyncio.run(main(chosen)))
