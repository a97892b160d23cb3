"""What the functions of a test did: every call of a step's callback is counted here. Knows no engine."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass
class News:
    """Wakes whoever waits when something happened, in whatever thread; the wait has a deadline."""

    seconds: float = 60.0
    _condition: threading.Condition = field(default_factory=threading.Condition)
    _count: int = 0

    def tell(self, _: object = None) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def until(self, seen: Callable[[], T | None], what: str) -> T:
        """Return what *seen* gives, once it is true; raises AssertionError when the deadline passes before."""
        while True:
            before = self._count
            value = seen()
            if value:
                return value
            if not self._changed(before):
                raise AssertionError(f"not seen in {self.seconds} s: {what}")

    def _changed(self, before: int) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self._count != before, self.seconds)


class Effects:
    """Counts callbacks by name: how often each was called, and how often it succeeded."""

    def __init__(self, news: News | None = None) -> None:
        self.called: Counter[str] = Counter()
        self.succeeded: Counter[str] = Counter()
        self.order: list[str] = []
        self.may_repeat: set[str] = set()
        """Names that may succeed more than once: at-least-once is all that a killed app can promise."""
        self._news = news or News()
        self._lock = threading.Lock()

    def call(self, name: str) -> int:
        """Count a call; return how many there were before."""
        with self._lock:
            self.called[name] += 1
            self.order.append(name)
            before = self.called[name] - 1
        self._news.tell()
        return before

    def succeed(self, name: str) -> None:
        with self._lock:
            self.succeeded[name] += 1
        self._news.tell()

    def did(self, name: str, value: T) -> T:
        """Be a step that works: count, and return *value*."""
        self.call(name)
        self.succeed(name)
        return value

    async def adid(self, name: str, value: T) -> T:
        return self.did(name, value)

    def fails(self, name: str, times: int, error: Callable[[str], BaseException] = ValueError) -> str:
        """Be a step that raises so many times, and then returns its name."""
        before = self.call(name)
        if before < times:
            raise error(failure_text(name, before + 1))
        self.succeed(name)
        return name

    async def afails(self, name: str, times: int) -> str:
        """Be such a step, after a turn of the loop."""
        await asyncio.sleep(0)
        return self.fails(name, times)

    def check(self) -> None:
        """Hold every test to it: no step that succeeded ran again."""
        again = {name: count for name, count in self.succeeded.items() if count > 1 and name not in self.may_repeat}
        assert not again, f"steps that succeeded ran again: {again}"


def failure_text(name: str, attempt: int) -> str:
    """Return the message of a step that fails."""
    return f"{name} fails for the {attempt}. time"
