"""The store that gives back runs without a query gives the same as queries do."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from inngest_devserver.storage.at_hand import StoreAtHand
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import EventRow, HistoryRow, MetadataRow, RunRow

RUNS = ("run-a", "run-b", "run-c")


@pytest.mark.parametrize("seed", range(50))
def test_every_row_is_given_back_as_a_query_gives_it(seed: int) -> None:
    """Write at random; then ask for everything in both ways."""
    store = StoreAtHand()
    chance = random.Random(seed)  # noqa: S311
    for number, run_id in enumerate(RUNS):
        store.add_run(RunRow(run_id, "f", "e", "", "e", "RUNNING", float(number), None, None, 0, "trace", "", ""))
    for number in range(chance.randrange(400)):
        chance.choice(WRITES)(store, chance.choice(RUNS), number)
    for run_id in (*RUNS, "run-unknown"):
        for ask in (Store.run, Store.memos, Store.metadata, Store.history):
            name = ask.__name__
            assert getattr(store, name)(run_id) == ask(store, run_id), (name, run_id)
    for number in range(400):
        for event_id in (f"internal-{number}", f"own-{number % 3}"):
            assert store.event(event_id) == Store.event(store, event_id), event_id
    store.close()


def test_an_event_is_kept_once() -> None:
    store = StoreAtHand()
    first = EventRow("internal", "own", "shop/paid", 1, 1.0, b"{}")
    assert store.add_event_once(first)
    assert not store.add_event_once(first._replace(name="shop/other"))
    assert store.event("internal") == first
    store.close()


def _event(store: Store, _: str, number: int) -> None:
    store.add_event(EventRow(f"internal-{number}", f"own-{number % 3}", "name", number, number / 7, b"{}"))


def _protocol(store: Store, run_id: str, number: int) -> None:
    store.set_protocol(run_id, number, bool(number % 2))


def _end(store: Store, run_id: str, number: int) -> None:
    store.end_run(run_id, "COMPLETED", number / 3, b"%d" % number)


def _memo(store: Store, run_id: str, number: int) -> None:
    store.add_memo(run_id, number, f"step-{number}", b'{"data":%d}' % number)


def _metadata(store: Store, run_id: str, number: int) -> None:
    body = b"" if number % 5 == 0 else b'{"n":%d}' % number
    kind = f"kind-{number % 4}"
    store.put_metadata(MetadataRow(run_id, ("", "s2", "s1")[number % 3], ("run", "step")[number % 2], kind, body, 1.0))


def _history(store: Store, run_id: str, number: int) -> None:
    since = None if number % 2 else number / 9
    error = None if number % 3 else b"{}"
    store.add_history(HistoryRow(run_id, number / 2, "step", "s", "name", number, "done", since=since, error=error))


WRITES: tuple[Callable[[Store, str, int], None], ...] = (_event, _protocol, _end, _memo, _metadata, _history)
