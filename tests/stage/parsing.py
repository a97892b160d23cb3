"""Tells whether JSON was parsed, whoever parsed it: the interpreter reports every call of a parser."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

PARSERS = {"from_json", "validate_json", "scan_once", "raw_decode"}


@contextmanager
def parses() -> Generator[list[str]]:
    """Collect the names of the JSON parsers that this thread, and those begun inside the block, call there."""
    called: list[str] = []

    def hear(frame: FrameType, event: str, subject: Any) -> None:
        if event == "c_call" and getattr(subject, "__name__", "") in PARSERS:
            called.append(subject.__name__)
        elif event == "call" and frame.f_code.co_name in PARSERS:
            called.append(frame.f_code.co_name)

    before = sys.getprofile()
    threading.setprofile(hear)
    sys.setprofile(hear)
    try:
        yield called
    finally:
        sys.setprofile(before)
        threading.setprofile(before)
