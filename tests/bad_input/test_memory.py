"""What strangers send does not stay: neither long URLs and header names in caches, nor the time of the process."""

from __future__ import annotations

import gc
import json
import logging
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator

import pytest

from inngest_core.protocol.limits import MAX_CANONICAL_BYTES, MAX_URL
from tests.stage.engine_api import EngineDouble
from tests.targets.target import Target

from .served import FALLBACK, KEY, ON_EVERY_TARGET, QUERY, STRANGER, TARGETS, served, signature

KIB = 1024


@pytest.fixture(autouse=True)
def nothing_is_logged() -> Iterator[None]:
    """Keep pytest from keeping records: Django's hold the requests."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def kept_by(ask: Callable[[], object]) -> int:
    """Return how many bytes are still there after 12 requests that differ."""
    for _ in range(4):
        ask()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(12):
            ask()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@ON_EVERY_TARGET
@pytest.mark.parametrize("is_production", [False, True])
def test_long_urls_do_not_stay_in_caches(is_production: bool, target: Target, engine: EngineDouble) -> None:
    with served(target, engine, is_production=is_production, signing_key=KEY) as send:

        def ask() -> None:
            for method in ("GET", "POST"):
                send(method, f"q={uuid.uuid4()}{'x' * (MAX_URL - 1000)}", {}, b"{}")

        assert kept_by(ask) < 90 * KIB  # they are 12 times 15 KiB, and caches held each of them more than once


@pytest.mark.parametrize("name", ["wsgi", "flask"])
def test_long_header_names_do_not_stay_in_caches(name: str, engine: EngineDouble) -> None:
    """Under ASGI a header's name is used as it comes."""
    with served(TARGETS[name], engine) as send:
        assert kept_by(lambda: send("GET", "", {f"x-{uuid.uuid4()}{'x' * 15_000}": "1"}, b"")) < 90 * KIB


@ON_EVERY_TARGET
def test_a_wrong_signature_of_a_large_body_costs_little(target: Target, engine: EngineDouble) -> None:
    """The form that a proxy may have changed is only looked for in small bodies."""
    slow_to_parse = b"[" + b",".join([b"[" * 190 + b"]" * 190] * 687) + b"]"
    assert 255 * KIB < len(slow_to_parse) <= 256 * KIB
    header = signature(slow_to_parse, key=STRANGER)
    with served(target, engine, is_production=True, signing_key=KEY, signing_key_fallback=FALLBACK) as send:
        spent: list[float] = []
        for _ in range(3):
            started = time.thread_time()
            answer = send("POST", QUERY, {"x-inngest-signature": header}, slow_to_parse)
            spent.append(time.thread_time() - started)
            assert (answer.status, json.loads(answer.body)["code"]) == (401, "sig_verification_failed")
    assert min(spent) < 0.1  # it was half a second
    assert MAX_CANONICAL_BYTES <= 16 * KIB
