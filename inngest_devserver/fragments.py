"""JSON texts that are made once and joined into many bodies: compact, keys sorted.

A run's event and memos go out with every call request; each is dumped once. Sorted keys make the body canonical
enough that an app which re-encodes it before verifying gets the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from inngest_core.protocol.encoding import json_writer

NULL = b"null"


def dump(value: object) -> bytes:
    """Return *value* as JSON; raises ValueError when it is nested too deeply."""
    try:
        return _write(value).encode()
    except UnicodeEncodeError:
        # Lone surrogates are legal JSON but no UTF-8: write them as escapes.
        return _write_ascii(value).encode()
    except RecursionError:
        raise ValueError("the value is nested too deeply to be written as JSON") from None


_write, _write_ascii = json_writer(sort_keys=True, ascii_only=False), json_writer(sort_keys=True)


def load(fragment: bytes) -> Any:
    """Return the value of a text that `dump` made."""
    return json.loads(fragment)


def array(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def pair(key: str, value: bytes) -> bytes:
    """Return `"key":value`."""
    return dump(key) + b":" + value


def wrap(key: str, value: bytes) -> bytes:
    """Return an object of one pair."""
    return b"{" + pair(key, value) + b"}"


def text(value: str) -> str:
    """Return *value* as text that can be kept and shown: a lone surrogate, as in odd file names, is spelled out."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
