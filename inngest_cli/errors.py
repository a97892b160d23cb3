"""What a command raises when the user can fix the problem; the message is one line."""

from __future__ import annotations


class CommandError(Exception):
    """The command failed: exit code 1."""


class RefusedError(CommandError):
    """The engine did not do what was asked. said: what it says about that."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


class NotThereError(RefusedError):
    """The engine does not have what was asked for."""


class UsageError(Exception):
    """An argument is wrong: exit code 2."""
