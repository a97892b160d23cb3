"""Bodies of 4 MB that are not to be trusted, in cloud mode: refused before anything is parsed."""

from __future__ import annotations

import functools
import hmac
import time
from collections.abc import Iterator

from . import requests
from .apps import FRAMEWORKS, make_app
from .in_process import Caller
from .measure import Effort, Row, best, bounded, interleave

LIMIT = 0.005
SIZE = 4_000_000
_CALLS = 3


def rows(effort: Effort) -> Iterator[Row]:
    body = requests.large_body(SIZE // 2)

    def digest() -> float:
        started = time.perf_counter()
        for _ in range(_CALLS):
            hmac.digest(b"key", body, "sha256")
        return (time.perf_counter() - started) / _CALLS

    for framework in FRAMEWORKS:
        caller = Caller(make_app(framework), framework)
        for words, key in (("unsigned", None), ("signed with another key", requests.OTHER_KEY)):
            what = f"refusal of a 4 MB body, {words}, {framework} (reference: its HMAC)"
            ours = caller.block(functools.partial(requests.call, "def", body, key=key), _CALLS, _refused)
            measured, reference = interleave(ours, digest, rounds=effort.long_rounds)
            yield bounded(what, best(measured), LIMIT, best(reference))
        caller.close()


def _refused(status: int, body: bytes) -> None:
    if status != 401:
        raise RuntimeError(f"a body that is not signed was answered {status}: {body[:300].decode(errors='replace')}")
