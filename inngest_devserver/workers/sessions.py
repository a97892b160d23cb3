"""Sessions of workers: what `start` gives out, and what the first frame of a connection must show. Bounded."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict

from inngest_devserver.ids import Ulids
from inngest_devserver.scheduling.clock import Clock

SESSION_SECONDS = 300.0
_MOST_SESSIONS = 10_000


class Sessions:
    """Sessions that no worker has connected with yet."""

    def __init__(self, clock: Clock, ulids: Ulids) -> None:
        self._clock = clock
        self._ulids = ulids
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """By connection id: the token, and until when it may be used, on the loop's clock, which never jumps."""

    def open(self) -> tuple[str, str]:
        """Return the id of a new connection and its token."""
        connection_id, token = self._ulids.new(self._clock.now()), secrets.token_urlsafe(32)
        self._open[connection_id] = (token, asyncio.get_running_loop().time() + SESSION_SECONDS)
        while len(self._open) > _MOST_SESSIONS:
            self._open.popitem(last=False)
        return connection_id, token

    def use(self, connection_id: str, token: str) -> bool:
        """Return whether the token belongs to the connection; it does so once."""
        expected, until = self._open.pop(connection_id, ("", 0.0))
        return hmac.compare_digest(expected.encode(), token.encode()) and asyncio.get_running_loop().time() < until
