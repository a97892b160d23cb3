"""Which thread this is."""

from __future__ import annotations

import threading


def this_thread() -> int:
    """Return what tells the current thread from the others; under gevent, the current greenlet."""
    return threading.get_ident()
