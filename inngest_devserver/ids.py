"""Identifiers: ULIDs of events and runs, ids of apps and functions that stay the same over restarts.

This module knows nothing about the things that the ids name.
"""

from __future__ import annotations

import base64
import binascii
import functools
import os
import re
import threading
import uuid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_RANDOM_BITS = 80
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_LARGEST_MS = (1 << 48) - 1
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
"""Two digits of a ULID, by the ten bits that they stand for."""
_BASE36 = bytes(b"0123456789abcdefghijklmnopqrstuvwxyz"[byte % 36] for byte in range(256))
"""A digit in base 36 for each byte."""


class _Entropy:
    """Random bytes of the operating system, fetched for many ids at once: a call for each costs more than an id."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Use no byte of what was fetched: after a fork, the other process has the same."""
        self._lock = threading.Lock()
        self._bytes = b""
        self._used = 0

    def take(self, size: int) -> bytes:
        with self._lock:
            if self._used + size > len(self._bytes):
                self._bytes, self._used = os.urandom(_FETCHED_BYTES), 0
            taken = self._bytes[self._used : self._used + size]
            self._used += size
            return taken


_FETCHED_BYTES = 4096
_entropy = _Entropy()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_entropy.forget)


class Ulids:
    """Makes ULIDs that grow: two of one millisecond differ by one, so that ids sort in the order they were made."""

    def __init__(self) -> None:
        self._ms = -1
        self._random = 0

    def new(self, now: float) -> str:
        """Return the next ULID; now: Unix seconds."""
        ms = int(now * 1000)
        if ms > self._ms:
            self._ms = ms
            # The top bit stays clear, so that counting up within a millisecond never overflows.
            self._random = int.from_bytes(_entropy.take(_RANDOM_BITS // 8), "big") >> 1
        else:
            self._random += 1
        return _encode(self._ms, self._random)


def seeded_ulid(seed: str, index: int) -> str | None:
    """Return the id of the index-th event of one send, the same on each retry; None when the seed is malformed.

    seed: "<milliseconds>,<base64 of 10 random bytes>".
    """
    millis, comma, encoded = seed.partition(",")
    if not comma or not millis.isascii() or not millis.isdigit() or len(millis) > 15:
        return None
    try:
        entropy = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(entropy) != _RANDOM_BITS // 8 or int(millis) > _LARGEST_MS:
        return None
    return _encode(int(millis), (int.from_bytes(entropy, "big") + index) & _RANDOM_MASK)


def is_ulid(text: str) -> bool:
    return _ULID.fullmatch(text) is not None


@functools.lru_cache(maxsize=256)
def app_uuid(name: str) -> str:
    """Return the engine's id of an app."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


@functools.lru_cache(maxsize=1024)
def function_uuid(app_id: str, slug: str) -> str:
    """Return the engine's id of a function."""
    return str(uuid.uuid5(uuid.UUID(app_id), slug))


def random_uuid() -> str:
    return str(uuid.UUID(bytes=_entropy.take(16), version=4))


def job_id() -> str:
    """Return a short random id like those of other engines: 13 digits in base 36."""
    return _entropy.take(13).translate(_BASE36).decode()


def trace_id() -> str:
    return _entropy.take(16).hex()


def span_id() -> str:
    return _entropy.take(8).hex()


def _encode(ms: int, random: int) -> str:
    return _encode_ms(ms) + "".join([_PAIRS[(random >> shift) & 1023] for shift in range(70, -1, -10)])


@functools.lru_cache(maxsize=16)
def _encode_ms(ms: int) -> str:
    return "".join([_PAIRS[(ms >> shift) & 1023] for shift in range(40, -1, -10)])
