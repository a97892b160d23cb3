"""Stubs: what takes the place of a step's own outcome. Reads what a test gave; which step is stubbed is decided here.

What runs in the app is replaced there (`recording.py`), what the engine does itself is replaced there
(`substitutes.py`). Both ask a stub for its next outcome.
"""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from inngest_core.events.event import Event
from inngest_core.function import Function
from inngest_core.runtime.awaitable import is_awaitable
from inngest_core.runtime.outcome import Outcome, Raised, Returned

from .errors import StubError
from .wording import listed, meant, short_repr

__tracebackhide__ = True


class Timeout:
    """The outcome of a wait whose time is over; `TIMEOUT` is the one instance."""

    def __repr__(self) -> str:
        return "testing.TIMEOUT"


TIMEOUT: Final = Timeout()
"""A stub for `wait_for_event` and `wait_for_signal`: nothing comes, and the time-out passes."""


@dataclass(frozen=True, slots=True)
class OutcomeSequence:
    """Outcomes of one try after another."""

    outcomes: Sequence[object]


@dataclass(frozen=True, slots=True)
class LiteralValue:
    """A value to be returned as it is, whatever kind it is of."""

    value: object


@dataclass(frozen=True, slots=True)
class SentBy:
    """A run that sends what the step waits for. event: what starts that run; None for the function's first trigger."""

    function: Function[Any]
    event: Event


_AS_WRITTEN: Final[Mapping[type[object], str]] = {
    Timeout: "testing.TIMEOUT",
    OutcomeSequence: "testing.sequence(…)",
    LiteralValue: "testing.returns(…)",
    SentBy: "testing.sent_by(…)",
}
"""What a test writes to have them."""


def sequence(*outcomes: object) -> Any:
    """Return a stub that has another outcome at each try of the step.

    outcomes: what each try comes to, in order: values, exceptions, callables.
    A try after the last one fails the test. Raises TypeError: no outcome was given.

    ```python
    testing.run(checkout, steps={"charge": testing.sequence(OSError("down"), OSError("down"), "paid")})
    ```
    """
    if not outcomes:
        raise TypeError("testing.sequence() needs at least one outcome")
    return OutcomeSequence(outcomes)


def returns(value: object) -> Any:
    """Return a stub that gives *value* as it is, also when that is callable or an exception.

    value: what the step gives.
    """
    return LiteralValue(value)


def sent_by(function: Function[Any], event: Event) -> Any:
    """Return a stub for `wait_for_event` and `wait_for_signal`: another run sends what is waited for.

    function: the other function; it is run on the same engine as soon as the step waits.
    event: what that run is started with.
    What the other run sends has to match the wait: its name, and its expression if it has one.
    """
    return SentBy(function, event)


def check_value_of_step(value: object, step_id: str) -> None:
    """Raise StubError for what only waits can come to, given for a step that waits for nothing to arrive."""
    if isinstance(value, Timeout | SentBy):
        raise StubError(
            f'step "{step_id}" waits for no event and no signal, but its stub is {_AS_WRITTEN[type(value)]}; give it a '
            "value, or an exception such as TimeoutError()"
        )


def check_is_plain(value: object, step_id: str, why: str) -> None:
    """Raise StubError for what has to be awaited, where nothing awaits it. why: in words."""
    if not is_awaitable(value):
        return
    if inspect.iscoroutine(value):
        value.close()
    raise StubError(
        f'the stub of step "{step_id}" is asynchronous, but {why}; give a plain function, or the value that it is to '
        "return"
    )


@dataclass(slots=True)
class Stub:
    """What was given for one step id or pattern. tries: how often each step was asked for, by its hashed id."""

    pattern: str
    given: object
    used: bool = False
    tries: dict[str, int] = field(default_factory=dict[str, int])

    def outcomes(self) -> Sequence[object]:
        """Return all that may come of the step, as far as it was given."""
        return self.given.outcomes if isinstance(self.given, OutcomeSequence) else (self.given,)

    def next(self, step: str, step_id: str, arguments: Sequence[object]) -> Outcome:
        """Return what comes of one more try of a step; what a callable returns may have to be awaited.

        step: the hashed id. arguments: what a callable is called with.
        Raises StubError: a sequence has no more outcomes.
        """
        tried = self.tries[step] = self.tries.get(step, 0) + 1
        outcome = self.given
        if isinstance(outcome, OutcomeSequence):
            if tried > len(outcome.outcomes):
                raise StubError(
                    f'step "{step_id}" was tried {tried} times, but its stub is a sequence of '
                    f"{_count(len(outcome.outcomes), 'outcome')}; give one more, or lower the retries of the function"
                )
            outcome = outcome.outcomes[tried - 1]
        return _outcome_of(outcome, arguments, step_id)


def _outcome_of(given: object, arguments: Sequence[object], step_id: str) -> Outcome:
    if isinstance(given, LiteralValue):
        return Returned(given.value)
    if isinstance(given, BaseException):
        return Raised(given.with_traceback(None))  # not that of the tries before
    kind = cast("type[object] | None", given if isinstance(given, type) else None)
    if kind is not None and issubclass(kind, BaseException):
        return Raised(kind())
    function = cast("Callable[..., object] | None", given if callable(given) else None)
    if function is not None:
        try:
            value = function(*arguments)
        except Exception as error:
            if isinstance(error, TypeError):
                _check_takes(function, arguments, step_id)
            return Raised(error)
        _check_result(value, step_id)
        return Returned(value)
    return Returned(given)


def _check_result(value: object, step_id: str) -> None:
    """Raise StubError for what a callable returned that stands for an outcome, and is none."""
    if isinstance(value, OutcomeSequence | LiteralValue):
        returned, instead = _AS_WRITTEN[type(value)], "give that as the stub itself, or return a value"
    elif isinstance(value, BaseException):
        returned, instead = short_repr(value), "have it raise that, or give the exception as the stub itself"
    else:
        return
    raise StubError(f'the stub of step "{step_id}" is a callable that returned {returned}; {instead}')


def _check_takes(function: Callable[..., object], arguments: Sequence[object], step_id: str) -> None:
    """Raise StubError for a callable that does not take the arguments of its step."""
    try:
        parameters = inspect.signature(function)
    except (TypeError, ValueError):  # of a builtin
        return
    try:
        parameters.bind(*arguments)
    except TypeError as error:
        given = ", ".join(map(short_repr, arguments)) or "no arguments"
        raise StubError(
            f'the stub of step "{step_id}" cannot be called with what the step is given, ({given}): {error}; have it '
            "take these, or give testing.returns(…) to have the step give the callable itself"
        ) from None


class Stubs:
    """All stubs of a run or an engine."""

    def __init__(self, given: Mapping[str, object] | None = None) -> None:
        self._stubs: list[Stub] = []
        if given is not None:
            self.add(given)

    def add(self, given: Mapping[str, object]) -> None:
        """Add stubs by step id or pattern; they come before those that were there."""
        if not isinstance(cast("object", given), Mapping) or not all(map(_is_id, given)):
            raise TypeError(f"steps is {given!r}; give a dict of step ids (or patterns such as 'fetch-*') and outcomes")
        self._stubs = [*(Stub(pattern, outcome) for pattern, outcome in given.items()), *self._stubs]

    def find(self, step_id: str) -> Stub | None:
        """Return the stub of a step: that of its very id, else the first whose pattern fits."""
        exact = next((stub for stub in self._stubs if stub.pattern == step_id), None)
        found = exact or next((stub for stub in self._stubs if fnmatch.fnmatchcase(step_id, stub.pattern)), None)
        if found is not None:
            found.used = True
        return found

    def senders(self) -> list[SentBy]:
        """Return the runs of other functions that stubs start."""
        return [each for stub in self._stubs for each in stub.outcomes() if isinstance(each, SentBy)]

    def unused(self) -> Iterator[str]:
        """Yield the ids and patterns for which no step was met."""
        return (stub.pattern for stub in self._stubs if not stub.used)

    def check_used(self, met: Sequence[str], run: object, error: BaseException | None) -> None:
        """Raise StubError that names the stubs for which no step was met.

        met: the ids of the steps that were. run: the run to show, or None. error: what that has failed with, if it has.
        """
        unused = list(self.unused())
        if not unused:
            return
        what = "a stub was" if len(unused) == 1 else "stubs were"
        hint = meant(unused[0], met) + ("; the run failed first" if error else "")
        shown = "" if run is None else f"\n{run!r}"
        raise StubError(
            f"{what} given for {listed(unused)}, but no such step was met{hint}\nthe steps that were met: {listed(met)}"
            f"{shown}"
        ) from error


def _is_id(key: object) -> bool:
    return isinstance(key, str) and bool(key)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
