"""What hooks are given: steps, outputs, memos, events, calls. Values only; what a hook may change can be assigned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from inngest_core.protocol.wire import Opcode
from inngest_core.web.messages import Request


@dataclass(slots=True)
class SendEventsResult:
    """What came of sending events."""

    ids: list[str]
    """The ids of the events that were sent."""
    error: Exception | None = None
    """Why not all were sent; None when they were."""


class StepInfo(NamedTuple):  # a frozen dataclass takes three times as long to make, which each step with hooks does
    """A step that runs in the app."""

    id: str
    """As the user wrote it."""
    op: Opcode
    """Its kind."""
    opts: Mapping[str, object]
    """What its op carries over the wire besides, such as `type` or `parallelMode`."""
    hash: str = ""
    """Its id over the wire."""
    index: int = 0  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]  # not a tuple's
    """How many steps with this id the function had met before it."""
    attempt: int = 0
    """How often it was tried before."""
    input: Sequence[object] = ()
    """The arguments of what it runs, without keys and headers of AI clients."""


@dataclass(slots=True)
class TransformOutputResult:
    """What a step or a function returned or raised; a hook may change it."""

    error: BaseException | None = None
    """What it raised; None when it returned."""
    output: object = None
    """What it returned."""
    step: StepInfo | None = None
    """The step; None for the function's own result."""

    def has_output(self) -> bool:
        """Tell whether it returned (None is something, too) instead of raising."""
        return self.error is None


@dataclass(slots=True)
class Invocation:
    """A step that invokes another function, before the engine is told of it."""

    step_id: str
    """As the user wrote it."""
    function_id: str
    """The function that is invoked: `<app_id>-<fn_id>`."""
    data: dict[str, Any]
    """The data of the event that the function gets, as JSON values; it may be changed, or another be assigned."""


@dataclass(slots=True)
class Registration:
    """What an engine is told when the app registers; the functions may be changed in place."""

    url: str
    """Where the engine will call the app."""
    functions: list[dict[str, object]]
    """The configuration of each function as it goes over the wire."""


@dataclass(slots=True)
class CallInfo:
    """One call request: what is called, and with what."""

    request: Request
    """The request as the app got it, with its `headers` (lower-case names) and the framework's own request as `raw`."""
    ctx: Any
    """The context of the function; `transform_input` may have changed it."""
    function: Any
    """The `Function` that is called."""
    handler: Callable[..., object]
    """The function's body as the user wrote it."""
    arguments: dict[str, object] = field(default_factory=dict[str, object])
    """Keyword arguments for the handler, which `transform_input` and `wrap_handler` may add."""


class StepMemo:
    """The memo of one finished step; what is written to it is what the function will get."""

    __slots__ = ("_key", "_memos")

    def __init__(self, memos: dict[str, Any], key: str) -> None:
        self._memos = memos
        self._key = key

    @property
    def hash(self) -> str:
        """The id of the step over the wire."""
        return self._key

    @property
    def data(self) -> Any:
        raw = self._memos[self._key]
        return cast("dict[str, Any]", raw).get("data") if isinstance(raw, dict) else None

    @data.setter
    def data(self, value: object) -> None:
        raw = self._memos[self._key]
        if isinstance(raw, dict):
            self._memos[self._key] = {**cast("dict[str, Any]", raw), "data": value}

    @property
    def error(self) -> Any:
        raw = self._memos[self._key]
        return cast("dict[str, Any]", raw).get("error") if isinstance(raw, dict) else None


class StepMemos:
    """The memos of a run, as `transform_input` sees them."""

    def __init__(self, memos: dict[str, Any]) -> None:
        self._memos = memos

    @property
    def size(self) -> int:
        """How many steps are memoized."""
        return len(self._memos)

    def values(self) -> Iterator[StepMemo]:
        """Iterate over the memos; what is written to one is what the function gets."""
        return iter([StepMemo(self._memos, key) for key in self._memos])
