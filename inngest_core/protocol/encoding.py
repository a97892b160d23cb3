"""Writers of compact JSON: as the standard library's encoder writes it, in less time. No types of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any


def json_writer(*, sort_keys: bool = False, ascii_only: bool = True) -> Callable[[object], str]:
    """Return what writes plain values as JSON texts; it raises what `json.dumps` does, and ValueError for a NaN.

    ascii_only: escape every other character.
    """
    whole = json.JSONEncoder(separators=(",", ":"), sort_keys=sort_keys, allow_nan=False, ensure_ascii=ascii_only)
    # `encode` makes this part anew for every value, which takes longer than to write a short one.
    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return whole.encode
    quote = encoder.encode_basestring_ascii if ascii_only else encoder.encode_basestring
    pieces: Callable[[object, int], tuple[str, ...]]
    pieces = make(None, whole.default, quote, None, ":", ",", sort_keys, False, False)

    def write(value: object) -> str:
        if type(value) is str:
            return quote(value)
        try:
            return "".join(pieces(value, 0))
        except RecursionError:
            return whole.encode(value)  # which tells a circle from deep nesting

    return write
