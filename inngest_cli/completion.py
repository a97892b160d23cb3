"""`inngest completion`: what a shell needs to complete commands and options, made from their parsers by argcomplete."""

from __future__ import annotations

import argparse
import os

SHELLS = ("bash", "zsh", "fish")
_ASKED = "_ARGCOMPLETE"
"""Is set by the shell when it asks for words."""


def completion(shell: str) -> int:
    """Print the code for *shell*; return 0."""
    from argcomplete.shell_integration import shellcode  # of an extra

    print(shellcode(["inngest"], shell=shell))
    return 0


def answer_shell(parser: argparse.ArgumentParser) -> None:
    """Print the words that fit and end the process, if it is a shell that asks."""
    if _ASKED not in os.environ:
        return
    import argcomplete

    argcomplete.autocomplete(parser)
