"""Threads of the system, also where gevent has made greenlets of Python's. Starts, locks and waits; decides nothing."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


def _gevent(module: str) -> Any:
    """Return a module of gevent's, or None when it has not made greenlets of threads."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return None
    return importlib.import_module(module)


def start_thread(target: Callable[[], object]) -> Callable[[], bool]:
    """Run *target* in a daemon thread of the system; return what tells whether that thread is there.

    It is not when the target has ended, nor in a process that was forked from the one in which it runs.
    """
    monkey = _gevent("gevent.monkey")
    if monkey is None:
        thread = threading.Thread(target=target, name="inngest-loop", daemon=True)
        thread.start()
        return thread.is_alive
    ident: int = monkey.get_original("_thread", "start_new_thread")(target, ())
    return lambda: ident in sys._current_frames()


def real_lock() -> threading.Lock:
    """Return a lock of the system, which may be held for a moment only: no other greenlet runs meanwhile."""
    monkey = _gevent("gevent.monkey")
    return threading.Lock() if monkey is None else monkey.get_original("_thread", "allocate_lock")()


class Wait(Protocol):
    """Waits for a signal, once."""

    def __call__(self, seconds: float, goes_on: Callable[[], bool] = ..., /) -> bool:
        """Wait for so many seconds, and again while *goes_on* says so; return False when no signal came."""
        ...


def signal() -> tuple[Callable[[], object], Wait]:
    """Return what any thread may call once, and what waits for that call.

    Under gevent, other greenlets go on meanwhile.
    """
    hubs = _gevent("gevent.hub")
    if hubs is None:
        event = threading.Event()
        return event.set, lambda seconds, goes_on=_never: _wait_on(event.wait, seconds, goes_on)
    hub = hubs.get_hub()
    waiter = hubs.Waiter(hub)
    wakes = hub.loop.async_()
    wakes.start(waiter.switch, True)
    lock = real_lock()
    open_watcher = [wakes]

    def wake() -> None:
        with lock:
            for watcher in open_watcher:
                watcher.send()

    def came_within(seconds: float) -> bool:
        came: object = None
        with _gevent("gevent").Timeout(seconds, False):
            came = waiter.get()
        return came is True

    def wait(seconds: float, goes_on: Callable[[], bool] = _never) -> bool:
        try:
            return _wait_on(came_within, seconds, goes_on)
        finally:
            with lock:
                open_watcher.clear()
            wakes.stop()
            wakes.close()

    return wake, wait


def _never() -> bool:
    return False


def _wait_on(came_within: Callable[[float], bool], seconds: float, goes_on: Callable[[], bool]) -> bool:
    while not came_within(seconds):
        if not goes_on():
            return came_within(0)  # it may have come just before that
    return True


async def off_the_loop(work: Callable[[], T]) -> T:
    """Do something short that would hold the running loop; under gevent, where that loop has no other users, on it."""
    return work() if _gevent("gevent") else await asyncio.to_thread(work)
