"""`step.ai`: a typed face of one line each over `ai_tools.py`, for `async def` and for plain `def` handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast, overload

from inngest_core.ai.adapters import Adapter

from . import ai_tools
from .tools import Tool

P = ParamSpec("P")
T = TypeVar("T")


class AI:
    """The AI tools of an `async def` function."""

    def __init__(self, meet: Callable[[Tool], Awaitable[Any]]) -> None:
        self._meet = meet

    async def infer(self, step_id: str, *, adapter: Adapter, body: Mapping[str, object]) -> dict[str, Any]:
        """Have the engine ask a model, while nothing of the app runs or waits.

        step_id: names the step, unique in the function.
        adapter: the provider, such as `inngest.ai.openai.Adapter(auth_key=..., model=...)`.
        body: the body of the request, as the provider's API takes it; the adapter adds the model.
        Returns the JSON that the provider answered.
        Raises StepError: it answered with an error or with something else than JSON, or not at all.
        Raises ConfigError: an argument that cannot be used.
        """
        return cast("dict[str, Any]", await self._meet(ai_tools.infer(step_id, adapter, body)))

    @overload
    async def wrap(self, step_id: str, call: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def wrap(self, step_id: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def wrap(self, step_id: str, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call the client of any provider once, and keep its answer; models and tokens are recorded with the step.

        step_id: names the step, unique in the function.
        call: what asks the model, such as `openai_client.chat.completions.create`.
        args, kwargs: its arguments. Those that are JSON are recorded with the step, and can be edited in the engine;
            keys and headers are not.
        Returns what *call* returned.
        Raises StepError: it failed for good. Raises ConfigError: *call* cannot be called.
        """
        return await self._meet(ai_tools.wrap(step_id, call, args, kwargs))


class AISync:
    """The AI tools of a plain `def` function."""

    def __init__(self, meet: Callable[[Tool], Any]) -> None:
        self._meet = meet

    def infer(self, step_id: str, *, adapter: Adapter, body: Mapping[str, object]) -> dict[str, Any]:
        """Have the engine ask a model, while nothing of the app runs or waits.

        step_id: names the step, unique in the function.
        adapter: the provider, such as `inngest.ai.openai.Adapter(auth_key=..., model=...)`.
        body: the body of the request, as the provider's API takes it; the adapter adds the model.
        Returns the JSON that the provider answered.
        Raises StepError: it answered with an error or with something else than JSON, or not at all.
        Raises ConfigError: an argument that cannot be used.
        """
        return cast("dict[str, Any]", self._meet(ai_tools.infer(step_id, adapter, body)))

    def wrap(self, step_id: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the client of any provider once, and keep its answer; models and tokens are recorded with the step.

        step_id: names the step, unique in the function.
        call: what asks the model, such as `openai_client.chat.completions.create`; a plain function.
        args, kwargs: its arguments. Those that are JSON are recorded with the step, and can be edited in the engine;
            keys and headers are not.
        Returns what *call* returned.
        Raises StepError: it failed for good. Raises ConfigError: *call* cannot be called.
        """
        return cast("T", self._meet(ai_tools.wrap(step_id, call, args, kwargs)))
