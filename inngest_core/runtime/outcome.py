"""What user code came to, as a value: it returned, or it raised. Carried to where it is decided what that means.

Exceptions that cross a thread or a task lose their way (a `StopIteration`, a `SystemExit`); a value does not.
"""

from __future__ import annotations

from dataclasses import dataclass


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
