"""What user code came to, as a value: it returned, or it raised. Carried to where it is decided what that means.

Exceptions that cross a thread or a task lose their way (a `StopIteration`, a `SystemExit`); a value does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast


@dataclass(slots=True)
class Returned:
    """It returned."""

    value: object

    def unwrap(self) -> object:
        """Return what was returned."""
        return self.value


@dataclass(slots=True)
class Raised:
    """It raised."""

    error: BaseException

    def unwrap(self) -> object:
        """Raise what was raised."""
        raise self.error


Outcome = Returned | Raised


def is_only(raised: BaseException, inside: BaseException | None) -> bool:
    """Tell whether what was raised is nothing but *inside*: itself, or in a group, as a task group puts it."""
    while raised is not inside and isinstance(raised, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", raised).exceptions
        if len(members) != 1:
            return False
        raised = members[0]
    return raised is inside
