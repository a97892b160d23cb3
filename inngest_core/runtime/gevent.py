"""Threads of the system, also where gevent has made greenlets of Python's. Starts, locks and waits; decides nothing."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def _gevent(module: str) -> Any:
    """Return a module of gevent's, or None when it has not made greenlets of threads."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return None
    return importlib.import_module(module)


def start_thread(target: Callable[[], object]) -> None:
    """Run *target* in a daemon thread of the system."""
    monkey = _gevent("gevent.monkey")
    if monkey is None:
        threading.Thread(target=target, name="inngest-loop", daemon=True).start()
    else:
        monkey.get_original("_thread", "start_new_thread")(target, ())


def real_lock() -> threading.Lock:
    """Return a lock of the system, which may be held for a moment only: no other greenlet runs meanwhile."""
    monkey = _gevent("gevent.monkey")
    return threading.Lock() if monkey is None else monkey.get_original("_thread", "allocate_lock")()


def signal() -> tuple[Callable[[], object], Callable[[float | None], bool]]:
    """Return what any thread may call once, and what waits for that call, once, for at most so many seconds.

    The second returns False when the time passed. Under gevent, other greenlets go on meanwhile.
    """
    hubs = _gevent("gevent.hub")
    if hubs is None:
        event = threading.Event()
        return event.set, event.wait
    hub = hubs.get_hub()
    waiter = hubs.Waiter(hub)
    wakes = hub.loop.async_()
    wakes.start(waiter.switch, None)
    lock = real_lock()
    open_watcher = [wakes]

    def wake() -> None:
        with lock:
            for watcher in open_watcher:
                watcher.send()

    def wait(seconds: float | None) -> bool:
        try:
            with _gevent("gevent").Timeout(seconds, False):
                waiter.get()
        finally:
            with lock:
                open_watcher.clear()
            wakes.stop()
            wakes.close()
        return bool(waiter.ready())

    return wake, wait


async def off_the_loop(work: Callable[[], T]) -> T:
    """Do something short that would hold the running loop; under gevent, where that loop has no other users, on it."""
    return work() if _gevent("gevent") else await asyncio.to_thread(work)
