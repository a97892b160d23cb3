"""What a command raises when the user can fix the problem; the message is one line."""

from __future__ import annotations


class CommandError(Exception):
    """The command failed: exit code 1."""


class UsageError(Exception):
    """An argument is wrong: exit code 2."""
