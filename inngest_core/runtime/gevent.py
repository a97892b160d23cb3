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
        """Wait for some seconds, and again while *goes_on* says so; return False when no signal came."""
        ...


def signal() -> tuple[Callable[[], object], Wait]:
    """Return what any thread may call once, and what waits for that call.

    Under gevent, other greenlets go on meanwhile.
    """
    hubs = _gevent("gevent.hub")
    if hubs is None:
        event = threading.Event()
        return event.set, lambda seconds, goes_on=_never: _wait_on(event.wait, seconds, goes_on)
    to_hub = _HubSignal(hubs)
    return to_hub.send, to_hub.wait


def _never() -> bool:
    return False


class _HubSignal:
    """A signal from any thread to the hub of the greenlet that made this, which switches to that greenlet."""

    def __init__(self, hubs: Any) -> None:
        hub = hubs.get_hub()
        self._waiter = hubs.Waiter(hub)
        self._watcher = hub.loop.async_()
        self._watcher.start(self._waiter.switch, True)
        self._lock = real_lock()
        self._is_open = True

    def send(self) -> None:
        with self._lock:
            if self._is_open:
                self._watcher.send()

    def wait(self, seconds: float, goes_on: Callable[[], bool] = _never) -> bool:
        try:
            return _wait_on(self._came_within, seconds, goes_on)
        finally:
            with self._lock:
                self._is_open = False
            self._watcher.stop()
            self._watcher.close()

    def _came_within(self, seconds: float) -> bool:
        came: object = None
        with _gevent("gevent").Timeout(seconds, False):
            came = self._waiter.get()
        return came is True


def _wait_on(came_within: Callable[[float], bool], seconds: float, goes_on: Callable[[], bool]) -> bool:
    while not came_within(seconds):
        if not goes_on():
            return came_within(0)  # it may have come just before that
    return True


async def off_the_loop(work: Callable[[], T]) -> T:
    """Do something short that would hold the running loop; under gevent, where that loop has no other users, on it."""
    return work() if _gevent("gevent") else await asyncio.to_thread(work)
