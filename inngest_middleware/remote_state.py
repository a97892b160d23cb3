"""Keeps large results of steps in a store of the app's, so that the engine gets only where they are.

What an engine gets is the same as from the official SDK, and the hash of the content, which is checked when it is read.
A store that cannot be written to fails the step, one that cannot be read fails the call, and both are tried again.
Nothing is ever deleted: how long an engine keeps a run is not known here.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import inspect
import os
import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, cast

from inngest_core.error_text import headline, kind_of
from inngest_core.errors import ConfigError, InngestError
from inngest_core.extras import needs
from inngest_core.middleware.base import Middleware, MiddlewarePair, MiddlewareSync
from inngest_core.middleware.values import StepMemo, StepMemos, TransformOutputResult
from inngest_core.values.json_text import parse_value
from inngest_core.values.serializer import dump

REMOTE_STATE, STRATEGY, KEY, SHA256 = "__REMOTE_STATE__", "__STRATEGY__", "key", "sha256"
PREFIX = "inngest/remote_state/"
MIN_BYTES = 32 * 1024
MOST_READERS = 8
"""So many results are read at once."""


class RemoteStateError(InngestError):
    """The result of a step could not be put into its store, or be read from there."""

    code = "remote_state_failed"


class Store(Protocol):
    """A place where results are kept. `put` and `get` may raise any exception. They are called in threads."""

    @property
    def strategy(self) -> str:
        """Return a text that names the kind of the store. The engine gets it."""
        ...

    def address(self) -> Mapping[str, str]:
        """Return what else the engine gets, such as the name of a bucket. It has to be equal when a result is read."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Store data, which may be there already.

        key: its name, which begins with "inngest/remote_state/". data: JSON as UTF-8.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return the data that was stored under *key*. Raises any exception when there is none."""
        ...


class S3Store:
    """A bucket of Amazon S3, or of anything that speaks its protocol.

    bucket: its name. client: a client of boto3, which knows region, endpoint and credentials; `boto3.client("s3")` by
    default, made when it is first used. Raises ConfigError: not a name. Raises ModuleNotFoundError: boto3 is needed for
    that, and is not installed.
    """

    strategy = "inngest/s3"

    def __init__(self, bucket: str, client: Any = None) -> None:
        if not isinstance(cast("object", bucket), str) or not bucket:
            raise ConfigError(f"bucket is {bucket!r}; give the name of a bucket")
        self._bucket = bucket
        self._client: Any = client
        self._making = threading.Lock()
        self._boto3: Any = None
        if client is None:  # said now, when the app begins, and not by the first result that is large
            with needs("remote-state", "boto3"):
                self._boto3 = importlib.import_module("boto3")

    def address(self) -> Mapping[str, str]:
        """Return the name of the bucket."""
        return {"bucket": self._bucket}

    def put(self, key: str, data: bytes) -> None:
        """Put an object."""
        self._s3().put_object(Bucket=self._bucket, Key=key, Body=data, ContentType="application/json")

    def get(self, key: str) -> bytes:
        """Get an object."""
        return cast("bytes", self._s3().get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _s3(self) -> Any:
        with self._making:  # the first results are read by several threads, and boto3 makes clients in one only
            if self._client is None:
                self._client = self._boto3.client("s3")
            return self._client


class DirectoryStore:
    """A directory, which all processes of the app have to share.

    path: of the directory; it is made when needed.
    """

    strategy = "inngest-suite/directory"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def address(self) -> Mapping[str, str]:
        """Return nothing: processes may see the directory under different names."""
        return {}

    def put(self, key: str, data: bytes) -> None:
        """Write a file, which is there as a whole or not at all, also after a loss of power.

        The engine is told that the result is here, and forgets it; so it has to be on the disk before that.
        """
        path = self._path / key
        _make_folder(path.parent)
        part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def get(self, key: str) -> bytes:
        """Read a file."""
        return (self._path / key).read_bytes()


class MemoryStore:
    """The memory of this process, for tests."""

    strategy = "inngest/memory"

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        """The results, by their keys."""

    def address(self) -> Mapping[str, str]:
        """Return nothing."""
        return {}

    def put(self, key: str, data: bytes) -> None:
        """Keep data."""
        self.kept[key] = data

    def get(self, key: str) -> bytes:
        """Return data; raises KeyError."""
        return self.kept[key]


class RemoteStateMiddleware:
    """Keeps large results of steps elsewhere; give what `factory` returns to a client."""

    @staticmethod
    def factory(store: Store, *, min_bytes: int = MIN_BYTES) -> MiddlewarePair:
        """Return what to give to a client as middleware.

        store: an `S3Store`, a `DirectoryStore`, a `MemoryStore`, or one of your own.
        min_bytes: results whose JSON is shorter than that go to the engine as usual.
        Raises ConfigError: not a number of bytes, or not a store.
        """
        _check_store(store)
        if not isinstance(cast("object", min_bytes), int) or min_bytes < 0:
            raise ConfigError(f"min_bytes is {min_bytes!r}; give a number of bytes, or 0 for every result")
        return MiddlewarePair(
            lambda client, raw_request: RemoteStateSync(client, raw_request, _Keeper(store, min_bytes, client)),
            lambda client, raw_request: RemoteStateAsync(client, raw_request, _Keeper(store, min_bytes, client)),
        )


class RemoteStateSync(MiddlewareSync):
    """The hooks for sync functions; its name, and that of the other one, is what messages show."""

    def __init__(self, client: Any, raw_request: object, keeper: _Keeper) -> None:
        super().__init__(client, raw_request)
        self._keeper = keeper

    def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        self._keeper.restore(ctx.run_id, steps)

    def transform_output(self, result: TransformOutputResult) -> None:
        self._keeper.keep(result)


class RemoteStateAsync(Middleware):
    """The hooks for async functions."""

    def __init__(self, client: Any, raw_request: object, keeper: _Keeper) -> None:
        super().__init__(client, raw_request)
        self._keeper = keeper

    async def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        await asyncio.to_thread(self._keeper.restore, ctx.run_id, steps)

    async def transform_output(self, result: TransformOutputResult) -> None:
        if result.step is not None:
            await asyncio.to_thread(self._keeper.keep, result)


class _Keeper:
    """What both kinds of hooks do, for one call."""

    def __init__(self, store: Store, min_bytes: int, client: Any) -> None:
        self._store = store
        self._min_bytes = min_bytes
        self._client = client
        self._run_id = ""

    def restore(self, run_id: str, steps: StepMemos) -> None:
        """Read the results of finished steps that are in the store. Raises RemoteStateError."""
        self._run_id = run_id
        kept = [memo for memo in steps.values() if self._is_ours(memo.data)]
        if len(kept) < 2:  # one needs no thread
            for memo in kept:
                self._read(memo)
            return
        with ThreadPoolExecutor(min(len(kept), MOST_READERS)) as readers:
            list(readers.map(self._read, kept))

    def keep(self, result: TransformOutputResult) -> None:
        """Put the result of a step into the store, if it is large, and where it is into its place.

        A result that looks like a place is kept, too, so that no other result is ever read instead of it.
        """
        if result.step is None or not result.has_output() or result.output is None:
            return
        what = f'step "{result.step.id}": output'
        try:
            data = dump(result.output, what, serializer=self._client.serializer).body
        except InngestError as error:
            result.error = error
            return
        if len(data) < self._min_bytes and not self._is_ours(result.output):
            return
        digest = hashlib.sha256(data).hexdigest()
        key = f"{PREFIX}{self._run_id}/{digest}"
        if not _is_within(key):  # in development, anybody may say which run it is
            result.error = RemoteStateError(f"{what} would be stored at {key!r}, but results are below {PREFIX}")
            return
        try:
            self._store.put(key, data)
        except Exception as error:  # of any store
            result.error = RemoteStateError(f"{what} could not be stored at {key}: {headline(error)}")
            result.error.__cause__ = error
            return
        marks = {REMOTE_STATE: True, STRATEGY: self._store.strategy}
        result.output = {**marks, **self._store.address(), KEY: key, SHA256: digest}

    def _is_ours(self, value: object) -> bool:
        """Tell whether a value says that a result is in a store of this kind; all others are passed through."""
        if not isinstance(value, dict):
            return False
        marked = cast("dict[str, object]", value)
        return marked.get(REMOTE_STATE) is True and marked.get(STRATEGY) == self._store.strategy

    def _read(self, memo: StepMemo) -> None:
        marked: dict[str, Any] = memo.data
        key = marked.get(KEY)
        for name, value in self._store.address().items():
            if marked.get(name) != value:
                raise RemoteStateError(f"the result of a step is in the {name} {marked.get(name)!r}, not in {value!r}")
        if not isinstance(key, str) or not _is_within(key):
            raise RemoteStateError(f"the result of a step is said to be at {key!r}, but results are below {PREFIX}")
        try:
            data = self._store.get(key)
        except Exception as error:  # of any store
            raise RemoteStateError(f"the result of a step could not be read from {key}: {headline(error)}") from error
        if not isinstance(cast("object", data), bytes | bytearray):
            raise RemoteStateError(f"the store gave {kind_of(data)} for {key}; its get must return bytes")
        expected = marked.get(SHA256)
        if expected is not None and hashlib.sha256(data).hexdigest() != expected:
            raise RemoteStateError(f"what is stored at {key} is not what was stored there: its hash is another")
        try:
            memo.data = parse_value(data)
        except ValueError as error:
            raise RemoteStateError(f"what is stored at {key} is not JSON: {headline(error)}") from error


def _check_store(store: object) -> None:
    """Raise ConfigError for what is no store: its results would be lost, or wait for a call that never comes."""
    rule = "give a store, such as MemoryStore(), or an object with strategy, address, put and get"
    if isinstance(store, type):
        raise ConfigError(f"store is {kind_of(store)}; give an instance of it")
    missing = [name for name in ("address", "put", "get") if not callable(getattr(store, name, None))]
    if not isinstance(getattr(store, "strategy", None), str):
        missing.insert(0, "strategy")
    if missing:
        raise ConfigError(f"store is {kind_of(store)}, which lacks {', '.join(missing)}; {rule}")
    for name in ("address", "put", "get"):
        if inspect.iscoroutinefunction(getattr(store, name)):
            raise ConfigError(f"{name} of the store is async def; write it with def, as it is called in a thread")


def _make_folder(path: Path) -> None:
    """Make a folder, and those above it; each new one is on the disk once the one that holds it is written there."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Write to the disk which files a folder has; Windows does so by itself, and opens no folders."""
    if os.name == "nt":
        return
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _is_within(key: str) -> bool:
    return key.startswith(PREFIX) and ".." not in PurePosixPath(key).parts and "\\" not in key
