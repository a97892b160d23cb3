"""The small call once more, over a real socket: uvicorn or waitress in another process, one kept-alive connection."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from . import requests
from .apps import FRAMEWORKS, OWN_KIND, check, missing, other_kind
from .connection import Connection
from .measure import Block, Effort, Row, compared, interleave, middle, skipped
from .small_calls import OTHER_LIMIT, label


def rows(effort: Effort) -> Iterator[Row]:
    body = requests.small_body()
    for framework in FRAMEWORKS:
        for kind in (OWN_KIND[framework], other_kind(framework)):
            what = label(framework, kind, "over a socket")
            why = missing(framework, kind)
            if why:
                yield skipped(what, why)
                continue
            with _served(framework, "") as ours, _served(framework, kind) as bare:
                measured, reference = interleave(
                    _block(ours, functools.partial(requests.call, kind, body), effort.calls, what),
                    _block(bare, functools.partial(requests.call, kind, body), effort.calls, f"{what}, bare"),
                    rounds=effort.rounds,
                )
            yield compared(what, middle(measured), middle(reference), OTHER_LIMIT)


@contextlib.contextmanager
def _served(framework: str, bare: str) -> Iterator[Connection]:
    """Serve our app in another process, or the bare route of a kind; return a connection to it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serving", framework, bare], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no standard output")
        connection = Connection(int(process.stdout.readline()))
        yield connection
        connection.close()
    finally:
        process.kill()
        process.communicate()


def _block(connection: Connection, make: Callable[[], requests.Post], calls: int, what: str) -> Block:
    expect = functools.partial(check, what=what)

    def block() -> float:
        request = connection.dump(make())
        started = time.perf_counter()
        for _ in range(calls):
            status, body = connection.exchange(request)
        seconds = (time.perf_counter() - started) / calls
        expect(status, body)
        return seconds

    return block
