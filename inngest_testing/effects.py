"""Side effects that a test marks: what must happen in a step, and once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from inngest_core.execution.execution import current_step

from .errors import EffectError, TestingError
from .recording import current_engine, current_run

__tracebackhide__ = True

P = ParamSpec("P")
T = TypeVar("T")


class _Reports(Protocol):
    def report(self, problem: TestingError) -> None: ...


class SideEffect(Generic[P, T]):
    """A callable that is watched. calls: the arguments of each call, as a tuple and a dict."""

    def __init__(self, callback: Callable[P, T], name: str) -> None:
        self._callback = callback
        self._name = name
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __repr__(self) -> str:
        return f"<side effect {self._name}, {len(self.calls)} calls>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        self.calls.append((args, dict(kwargs)))
        engine: Any = current_engine.get()
        if engine is not None and current_run.get() and current_step.get() is None:
            reports: _Reports = engine
            reports.report(
                EffectError(
                    f"{self._name} was called outside of a step; a function is called again and again, and so is what "
                    f'it calls: put it in a step, as in step.run("{self._name}", …)'
                )
            )
        return self._callback(*args, **kwargs)

    def assert_once(self) -> None:
        """Check that it was called once.

        Raises EffectError, which lists the calls.
        """
        if len(self.calls) == 1:
            return
        shown = "".join(f"\n  {_shown(args, kwargs)}" for args, kwargs in self.calls)
        raise EffectError(f"{self._name} was to be called once, and was called {len(self.calls)} times{shown}")


def _shown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return f"({', '.join([*map(repr, args), *(f'{key}={value!r}' for key, value in kwargs.items())])})"


def side_effect(callback: Callable[P, T], *, name: str | None = None) -> SideEffect[P, T]:
    """Return *callback*, watched: a call by a function outside of its steps fails the test.

    callback: what has the effect, or what a test puts in its place; also `async def`.
    name: names it in messages; that of the callback by default.

    ```python
    def test_charges_once(monkeypatch):
        charge = testing.side_effect(lambda order: "receipt-1", name="charge")
        monkeypatch.setattr(bank, "charge", charge)
        testing.run(checkout, {"order": 5})
        charge.assert_once()
    ```
    """
    return SideEffect(callback, name or str(getattr(callback, "__name__", None) or repr(callback)))
