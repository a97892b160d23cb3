"""What an integration says of an exception of another library, which keeps its class: users catch it by that.

Whether and when it may be tried again, and data that the error of its step carries. Decides nothing itself.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

_KEY = "__inngest_mark__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """retriable: whether another attempt can help. retry_after: when to make it. data: a small value as JSON has it."""

    retriable: bool = True
    retry_after: datetime.timedelta | None = None
    data: object = None


_NOTHING = Mark()


def mark(error: BaseException, what: Mark) -> None:
    """Say something of an exception; what was said before does not count any more."""
    vars(error)[_KEY] = what


def mark_of(error: BaseException) -> Mark:
    """Return what was said of an exception."""
    found: object = vars(error).get(_KEY)
    return found if isinstance(found, Mark) else _NOTHING
