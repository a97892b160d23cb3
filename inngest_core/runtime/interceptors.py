"""Who looks at the requests of clients to an engine before they are made, and may answer in its place.

One list for the process, because clients are made anywhere and at any time. It is replaced as a whole under a lock, so
whoever reads it needs none. Knows no header and no JSON; `engine_api.py` asks.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass

from inngest_core.web.messages import HTTPRequest, HTTPResponse

Interceptor = Callable[[HTTPRequest], HTTPResponse | Awaitable[HTTPResponse | None] | None]
"""Given a request to an engine, returns the answer to it; or None, and the next one is asked, at last the network."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """owner: the engine's API of the one client that it is for; None for all clients."""

    interceptor: Interceptor
    owner: object


_lock = threading.Lock()
_entries: tuple[_Entry, ...] = ()


@contextlib.contextmanager
def intercepting(interceptor: Interceptor, owner: object = None) -> Generator[None]:
    """Have *interceptor* asked first inside the block, before those that were there already. owner: as in an entry."""
    global _entries
    entry = _Entry(interceptor, owner)
    with _lock:
        _entries = (entry, *_entries)
    try:
        yield
    finally:
        with _lock:
            _entries = tuple(each for each in _entries if each is not entry)


def interceptors_of(owner: object) -> list[Interceptor]:
    """Return who is asked about a request, in order."""
    return [each.interceptor for each in _entries if each.owner is None or each.owner is owner]
