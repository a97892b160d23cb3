"""ULIDs, which engines use as ids of runs and events: 26 characters, of which the first ten are a time."""

from __future__ import annotations

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

ENTROPY_SIZE = 10
"""Random bytes in an id."""


def make_ulid(seconds: float, entropy: bytes) -> str:
    """Return an id. seconds: Unix time. entropy: so many random bytes as ENTROPY_SIZE says."""
    number = (int(seconds * 1000) << 80) | int.from_bytes(entropy)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def ulid_ms(ulid: str) -> int:
    """Return the time in an id, in milliseconds; characters that no id has count as zero."""
    ms = 0
    for digit in ulid[:10].upper():
        ms = ms * 32 + max(_DIGITS.find(digit), 0)
    return ms
