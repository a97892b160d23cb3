"""What must begin anew in a child that this process forks: threads are not copied, and sockets must not be used twice.

Python keeps a hook for forks for ever, so there is one for all owners, which it does not keep alive.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import Protocol


class Owner(Protocol):
    """What owns threads, locks or sockets."""

    def forget(self) -> None:
        """Give up what the parent owned, without closing it, and be as new."""


_owners: weakref.WeakSet[Owner] = weakref.WeakSet()


def forget_after_fork(owner: Owner) -> None:
    """Call the owner's `forget` in every child that this process forks, as long as the owner lives."""
    _owners.add(owner)


def _forget_all() -> None:
    for owner in list(_owners):
        owner.forget()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_all)
