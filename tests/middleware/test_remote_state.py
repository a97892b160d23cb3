"""Remote state: whole runs with each store, what the engine sees, what others wrote, and stores that are down."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, cast

import boto3  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has none
import moto
import pydantic
import pytest

import inngest
import inngest.experimental.remote_state_middleware
from inngest.middleware.encryption import EncryptionMiddleware
from inngest.middleware.remote_state import (
    DirectoryStore,
    MemoryStore,
    RemoteStateMiddleware,
    S3Store,
    Store,
)
from inngest_core.errors import ConfigError
from inngest_core.serving.app import App
from tests.cases.case import RUN_ID, Call, HandlerKind
from tests.stage.asks import ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import request_of, serving, shown

BOTH = pytest.mark.parametrize("kind", HandlerKind)
ASKS = {HandlerKind.SYNC: ask_sync, HandlerKind.ASYNC: ask_async}
PREFIX = f"inngest/remote_state/{RUN_ID}/"


class Report(pydantic.BaseModel):
    text: str


def write() -> Report:
    return Report(text="x" * 50_000)


def two_sync(ctx: inngest.ContextSync) -> str:
    first = ctx.step.run("write", write)
    second = ctx.step.run("again", write)
    small = ctx.step.run("small", lambda: 1)
    return f"{type(first).__name__} {len(first.text)} {len(second.text)} {small}"


async def two_async(ctx: inngest.Context) -> str:
    first = await ctx.step.run("write", write)
    second = await ctx.step.run("again", write)
    small = await ctx.step.run("small", lambda: 1)
    return f"{type(first).__name__} {len(first.text)} {len(second.text)} {small}"


HANDLERS: dict[HandlerKind, Any] = {HandlerKind.SYNC: two_sync, HandlerKind.ASYNC: two_async}


@pytest.fixture(params=["s3", "directory", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    name: str = request.param
    if name == "memory":
        yield MemoryStore()
    elif name == "directory":
        yield DirectoryStore(tmp_path / "results")
    else:
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(variable, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with moto.mock_aws():
            boto3.client("s3").create_bucket(Bucket="results")  # pyright: ignore[reportUnknownMemberType]
            yield S3Store("results")


def ask(app: App, kind: HandlerKind, call: Call) -> tuple[int, Any]:
    return shown(ASKS[kind](app, request_of(call)))


@BOTH
def test_a_run_whose_engine_sees_only_where_results_are(kind: HandlerKind, store: Store) -> None:
    with serving(HANDLERS[kind], middleware=[RemoteStateMiddleware.factory(store)], checkpointing=False) as app:
        engine = InProcessEngine(app, ASKS[kind], lambda count: 0)
        assert engine.run() == "Report 50000 50000 1"
    data = json.dumps({"text": "x" * 50_000}, separators=(",", ":")).encode()
    digest = hashlib.sha256(data).hexdigest()
    marked = {
        "__REMOTE_STATE__": True,
        "__STRATEGY__": store.strategy,
        **store.address(),
        "key": f"{PREFIX}{digest}",
        "sha256": digest,
    }
    assert list(engine.memos.values()) == [{"data": marked}, {"data": marked}, {"data": 1}]
    assert store.get(f"{PREFIX}{digest}") == data


@BOTH
def test_what_the_official_sdk_has_stored_is_read(kind: HandlerKind, store: Store) -> None:
    store.put(f"{PREFIX}01ABC", b'{"text": "theirs"}')
    marked = {
        "__REMOTE_STATE__": True,
        "__STRATEGY__": store.strategy,
        **store.address(),
        "key": f"{PREFIX}01ABC",
    }
    steps = {"write": {"data": marked}, "again": {"data": {"text": ""}}, "small": {"data": 2}}
    with serving(HANDLERS[kind], middleware=[RemoteStateMiddleware.factory(store)]) as app:
        assert ask(app, kind, Call(steps=steps)) == (200, "Report 6 0 2")


def echo_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("echo", lambda: ctx.event.data["it"])


async def echo_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("echo", lambda: ctx.event.data["it"])


ECHOES: dict[HandlerKind, Any] = {HandlerKind.SYNC: echo_sync, HandlerKind.ASYNC: echo_async}


@BOTH
def test_what_another_strategy_has_marked_passes_through(kind: HandlerKind) -> None:
    foreign = {"__REMOTE_STATE__": True, "__STRATEGY__": "mine", "key": "x"}
    with serving(ECHOES[kind], middleware=[RemoteStateMiddleware.factory(MemoryStore())]) as app:
        assert ask(app, kind, Call(steps={"echo": {"data": foreign}})) == (200, foreign)


@BOTH
def test_a_result_that_looks_like_a_place_is_a_result(kind: HandlerKind) -> None:
    store = MemoryStore()
    store.put("inngest/remote_state/other/secret", b'"secret"')
    forged = {
        "__REMOTE_STATE__": True,
        "__STRATEGY__": "inngest/memory",
        "key": "inngest/remote_state/other/secret",
    }
    with serving(ECHOES[kind], middleware=[RemoteStateMiddleware.factory(store)], checkpointing=False) as app:
        call = Call(event={"data": {"it": forged}})
        _, (op,) = ask(app, kind, call)
        again = Call(event={"data": {"it": forged}}, steps={"echo": {"data": op["data"]}})
        assert ask(app, kind, again) == (200, forged)


@BOTH
def test_with_encryption_the_store_holds_nothing_plain(kind: HandlerKind) -> None:
    store = MemoryStore()
    both = [RemoteStateMiddleware.factory(store), EncryptionMiddleware.factory("key")]
    with serving(HANDLERS[kind], middleware=both, checkpointing=False) as app:
        engine = InProcessEngine(app, ASKS[kind], lambda count: 0)
        assert "data" in json.dumps(engine.run())
    assert store.kept
    assert not [data for data in store.kept.values() if b'"text"' in data]


# Faults


class Down(MemoryStore):
    """Fails so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    def put(self, key: str, data: bytes) -> None:
        self._fail()
        super().put(key, data)

    def get(self, key: str) -> bytes:
        self._fail()
        return super().get(key)

    def _fail(self) -> None:
        if self._times:
            self._times -= 1
            raise ConnectionError("the store is down")


@BOTH
def test_a_store_that_cannot_be_written_fails_the_step_and_it_is_tried_again(kind: HandlerKind) -> None:
    store = Down(times=1)
    with serving(HANDLERS[kind], middleware=[RemoteStateMiddleware.factory(store)], checkpointing=False) as app:
        status, (op,) = ask(app, kind, Call(attempt=0, max_attempts=2))
        assert (status, op["op"], op["data"]) == (206, "StepError", None)
        assert op["error"]["name"] == "RemoteStateError"
        assert op["error"]["code"] == "remote_state_failed"
        assert op["error"]["message"].endswith("ConnectionError: the store is down")
        assert op["error"]["cause"]["name"] == "ConnectionError"
        status, (op,) = ask(app, kind, Call(attempt=1, max_attempts=2))
        assert (status, op["op"]) == (206, "StepRun")
    assert list(store.kept) == [op["data"]["key"]]


@BOTH
def test_a_store_that_cannot_be_read_fails_the_call_and_it_is_tried_again(kind: HandlerKind) -> None:
    store = Down(times=0)
    with serving(HANDLERS[kind], middleware=[RemoteStateMiddleware.factory(store)], checkpointing=False) as app:
        _, (op,) = ask(app, kind, Call())
        down = Down(times=1)
        down.kept = store.kept
    with serving(HANDLERS[kind], middleware=[RemoteStateMiddleware.factory(down)], checkpointing=False) as app:
        steps = {"write": {"data": op["data"]}}
        request = request_of(Call(steps=steps))
        response = ASKS[kind](app, request)
        assert (response.status, "x-inngest-no-retry" in response.headers) == (500, False)
        assert shown(response)[1]["message"].endswith("ConnectionError: the store is down")
        assert ask(app, kind, Call(steps=steps))[1][0]["op"] == "StepRun"


Place = dict[str, Any]
Kept = dict[str, bytes]


def cut(place: Place, kept: Kept) -> None:
    kept[place["key"]] = b'{"text": "x'


def remove(place: Place, kept: Kept) -> None:
    kept.clear()


def lead_outside(place: Place, kept: Kept) -> None:
    place["key"] = "inngest/remote_state/../secret"


def take_key(place: Place, kept: Kept) -> None:
    place["key"] = 7


@BOTH
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut, "is not what was stored there"),
        (remove, "could not be read from inngest/remote_state/"),
        (lead_outside, "results are below inngest/"),
        (take_key, "is said to be at 7"),
    ],
)
def test_never_half_a_value(kind: HandlerKind, change: Callable[[Place, Kept], None], said: str) -> None:
    store = MemoryStore()
    with serving(HANDLERS[kind], middleware=[RemoteStateMiddleware.factory(store)], checkpointing=False) as app:
        marked = ask(app, kind, Call())[1][0]["data"]
        change(marked, store.kept)
        status, error = ask(app, kind, Call(steps={"write": {"data": marked}}))
    assert (status, error["name"]) == (500, "RemoteStateError")
    assert said in error["message"]


def test_another_bucket_is_named() -> None:
    marked = {"__REMOTE_STATE__": True, "__STRATEGY__": "inngest/s3", "bucket": "theirs", "key": f"{PREFIX}1"}
    with serving(two_sync, middleware=[RemoteStateMiddleware.factory(S3Store("ours"))]) as app:
        status, error = ask(app, HandlerKind.SYNC, Call(steps={"write": {"data": marked}}))
    assert (status, error["message"]) == (500, "the result of a step is in the bucket 'theirs', not in 'ours'")


def test_a_directory_has_whole_files_only(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    for data in (b"1", b"22"):
        store.put(f"{PREFIX}one", data)
    assert store.get(f"{PREFIX}one") == b"22"
    assert [path.name for path in (tmp_path / PREFIX).iterdir()] == ["one"]


def test_a_result_is_on_the_disk_before_its_name_is(tmp_path: Path) -> None:
    """After a loss of power, a name leads to the whole result or does not exist; so its folders are written, too."""
    folder = tmp_path / "new" / PREFIX
    seen: list[tuple[str, list[int]]] = []

    def watch(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called in (os.fsync, os.replace):
            files = [path.stat().st_size for path in folder.iterdir()] if folder.is_dir() else []
            seen.append((cast("Any", called).__name__, files))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        DirectoryStore(tmp_path / "new").put(f"{PREFIX}one", b"x" * 100)
    finally:
        sys.setprofile(before)
    made: list[tuple[str, list[int]]] = [("fsync", [])] * (len(folder.relative_to(tmp_path).parts) - 1)
    # The folder of the run is there when the one above it is written; then the file, its name, and its folder.
    assert seen == [*made, ("fsync", []), ("fsync", [100]), ("replace", [100]), ("fsync", [100])]


def test_files_are_as_readable_as_others_of_the_process(tmp_path: Path) -> None:
    """Processes of other users may share the directory."""
    store, other = DirectoryStore(tmp_path), tmp_path / "other"
    store.put(f"{PREFIX}one", b"1")
    other.touch()
    assert (tmp_path / PREFIX / "one").stat().st_mode == other.stat().st_mode


def test_a_directory_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / PREFIX / "one").mkdir(parents=True)
    with pytest.raises(OSError, match="one"):
        DirectoryStore(tmp_path).put(f"{PREFIX}one", b"1")
    assert [path.name for path in (tmp_path / PREFIX).iterdir()] == ["one"]


@BOTH
def test_the_id_of_a_run_never_leads_outside(kind: HandlerKind, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "in" / "it")
    with serving(HANDLERS[kind], middleware=[RemoteStateMiddleware.factory(store)], checkpointing=False) as app:
        body = Call().as_json()
        body["ctx"]["run_id"] = "../../../../out"
        request = replace(request_of(Call()), body=json.dumps(body).encode())
        status, told = shown(ASKS[kind](app, request))
    assert (status, told[0]["op"]) == (206, "StepError")
    assert "below inngest/remote_state/" in told[0]["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [-1, "1", None])
def test_the_number_of_bytes_is_checked(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"min_bytes is .*; give a number of bytes"):
        RemoteStateMiddleware.factory(MemoryStore(), min_bytes=given)


def test_the_name_of_the_official_sdk() -> None:
    assert inngest.experimental.remote_state_middleware.RemoteStateMiddleware is RemoteStateMiddleware
