"""From the outbox to the engine, as a flow: claim entries, send their events, settle what became of them.

Knows no database, no thread and no clock: a store does the first, drivers the others.
"""

from __future__ import annotations

import datetime
import enum
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inngest_core.client import Inngest
from inngest_core.error_text import headline
from inngest_core.errors import SendEventsError
from inngest_core.runtime.effects import Call, Flow, Random, Sleep, now

from .entries import Entry

REFUSED = frozenset({400, 413, 422})
"""Statuses with which an engine refuses an event for what it is. After any other answer it is tried again."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
TRANSACTION_TRIES = 4
TRANSACTION_PAUSE_SECONDS = 0.02
TIDY_SECONDS = 3600.0
"""How often entries are looked for that were set aside long ago."""

_log = logging.getLogger("inngest")


class Store(Protocol):
    """The table of an outbox. Every method is one transaction of its own, and may return an awaitable.

    table: its name in the database. how_to_create: what its users do to have it, for a message.
    """

    @property
    def table(self) -> str: ...

    @property
    def how_to_create(self) -> str: ...

    def claim(self, claim: str, limit: int, now: float, until: float) -> Any:
        """Take up to *limit* entries that are due, oldest first; nobody else gets them before *until*."""

    def remove(self, claim: str, keys: Sequence[int]) -> Any:
        """Delete entries whose events were sent, if this claim still has them."""

    def postpone(self, claim: str, keys: Sequence[int], until: float, error: str) -> Any:
        """Give entries back, due again at *until*."""

    def set_aside(self, claim: str, keys: Sequence[int], error: str) -> Any:
        """Give entries back that are never due again."""

    def forget(self, before: float) -> Any:
        """Delete entries that were set aside and are older than that."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a relay sends.

    batch_size: events in one request, at most.
    lease: how long a relay may take for a batch; then another one may send it, too.
    max_age: an event that could not be sent for so long is set aside. An engine recognizes a repeated event for 24
        hours.
    keep: how long events that were set aside are kept.
    poll: how often the database is asked when nobody says that there is something.
    """

    batch_size: int = 100
    lease: datetime.timedelta = datetime.timedelta(seconds=60)
    max_age: datetime.timedelta = datetime.timedelta(hours=24)
    keep: datetime.timedelta = datetime.timedelta(days=30)
    poll: datetime.timedelta = datetime.timedelta(seconds=1)


class Round(enum.Enum):
    """What came of one look into the database."""

    IDLE = enum.auto()
    SENT = enum.auto()
    TROUBLE = enum.auto()
    """The engine did not take events; there is no point in trying others at once."""


@dataclass(slots=True)
class Delivery:
    """Sends what is in a store.

    Every transaction of the store can be repeated: it does nothing more when it was done.

    asynchronous: which driver runs its flows. sent: how many events were sent so far.
    """

    client: Inngest
    store: Store
    policy: Policy
    asynchronous: bool
    sent: int = 0

    def forever(self, stopped: Callable[[], bool], wait: Callable[[float], Any]) -> Flow[None]:
        """Send until it is stopped. wait: returns after so many seconds, or earlier when there is news."""
        failures, tidied = 0, 0.0
        while not stopped():
            try:
                came_to = yield from self.once()
                tidied = yield from self._tidy(tidied)
            except Exception as error:
                _log.warning("outbox: %s", self._explained(error))
                came_to = Round.TROUBLE
            failures = failures + 1 if came_to is Round.TROUBLE else 0
            if came_to is not Round.SENT:
                seconds = self.policy.poll.total_seconds() if not failures else _pause(failures)
                yield Call(wait, (seconds,), what="the outbox")

    def _explained(self, error: BaseException) -> str:
        """Return why the store could not be asked: a database names a table that is missing, or lacks a column."""
        first_line = headline(error).partition("\n")[0]  # SQLAlchemy appends the statement
        if self.store.table in first_line:
            return (
                f"its table {self.store.table} cannot be used, trying again: {first_line}; if it is missing or old, "
                f"{self.store.how_to_create}"
            )
        return f"the database does not answer, trying again: {first_line}"

    def until_idle(self) -> Flow[int]:
        """Send what is due now; return how many events that were."""
        before = self.sent
        while (yield from self.once()) is Round.SENT:
            pass
        return self.sent - before

    def once(self) -> Flow[Round]:
        """Claim one batch and send it."""
        claim = (yield Random(16)).hex()
        moment = yield from now()
        until = moment + self.policy.lease.total_seconds()
        entries: Sequence[Entry] = yield from _ask(self.store.claim, claim, self.policy.batch_size, moment, until)
        if not entries:
            return Round.IDLE
        oldest = moment - self.policy.max_age.total_seconds()
        fresh = [entry for entry in entries if entry.written_at >= oldest]
        expired = [entry for entry in entries if entry.written_at < oldest]
        if expired:
            yield from self._set_aside(claim, expired, f"not sent within {self.policy.max_age}")
        if not fresh or (yield from self._send(claim, fresh)):
            return Round.SENT
        return Round.TROUBLE

    def _send(self, claim: str, entries: Sequence[Entry]) -> Flow[bool]:
        """Send a batch; return whether the engine can be asked for more. A bad event does not stop the others."""
        try:
            events = [entry.event() for entry in entries]
            yield from self.client.send_flow(events, asynchronous=self.asynchronous)
        except SendEventsError as error:
            if error.engine_status not in REFUSED:
                yield from self._postpone(claim, entries, error)
                return False
            if len(entries) == 1:
                yield from self._set_aside(claim, entries, headline(error))
                return True
        except Exception as error:  # of middleware, perhaps for one of them only
            if len(entries) == 1:
                yield from self._postpone(claim, entries, error)
                return True
        else:
            yield from _ask(self.store.remove, claim, _keys(entries))
            self.sent += len(entries)
            return True
        middle = len(entries) // 2
        first = yield from self._send(claim, entries[:middle])
        return (yield from self._send(claim, entries[middle:])) and first

    def _postpone(self, claim: str, entries: Sequence[Entry], error: BaseException) -> Flow[None]:
        text = headline(error)
        _log.warning("outbox: %d events wait, as they could not be sent: %s", len(entries), text)
        moment = yield from now()
        until = moment + _pause(max(entry.attempts for entry in entries) + 1)
        yield from _ask(self.store.postpone, claim, _keys(entries), until, text)

    def _set_aside(self, claim: str, entries: Sequence[Entry], text: str) -> Flow[None]:
        for entry in entries:
            _log.error("outbox: event %d is set aside and will not be sent: %s", entry.key, text)
        yield from _ask(self.store.set_aside, claim, _keys(entries), text)

    def _tidy(self, tidied: float) -> Flow[float]:
        moment: float = yield from now()
        if moment < tidied + TIDY_SECONDS:
            return tidied
        yield from _ask(self.store.forget, moment - self.policy.keep.total_seconds())
        return moment


def _ask(transaction: Callable[..., Any], *args: object) -> Flow[Any]:
    """Run a transaction of the store, and again when it fails: databases end one of two that wait for each other."""
    for tries_left in reversed(range(TRANSACTION_TRIES)):
        try:
            return (yield Call(transaction, args, what="the outbox"))
        except Exception:
            if not tries_left:
                raise
        jitter: bytes = yield Random(1)
        yield Sleep(TRANSACTION_PAUSE_SECONDS * (1 + jitter[0] / 255))
    raise AssertionError("the last try returns or raises")


def _keys(entries: Sequence[Entry]) -> list[int]:
    return [entry.key for entry in entries]


def _pause(failures: int) -> float:
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_SECONDS)
