"""Errors of pydantic-ai across steps: which of them another attempt cannot mend, and those of models as themselves.

A step that failed gives a StepError. That of a request to a model is also what the model raised, so that what handles
such errors in pydantic-ai sees them: `ModelFallback`, hooks, `except ModelHTTPError`. Knows nothing of how steps run.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from pydantic.errors import PydanticUserError
from pydantic_ai import exceptions
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelQuotaExceededError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    UserError,
)
from pydantic_core import to_jsonable_python

from inngest_core.error_text import leaves
from inngest_core.errors import NonRetriableError, StepError
from inngest_core.execution.marks import Mark, mark
from inngest_core.protocol.limits import MAX_RETRY_AFTER_SECONDS

KEY = "pydantic_ai_model_error"
"""Marks the data of an error as that of a model."""
LONGEST = 32 * 1024
"""Characters of what a provider answered, as it is kept with an error."""
LEFT_OUT = ("message", "headers")
"""Fields of such an error: the text is kept anyway, and the headers may hold secrets.

So may what classes of the user add, of which nothing is kept."""
MISTAKES = (UserError, PydanticUserError)
"""What is wrong with the program is wrong in the next attempt, too."""
FINAL = (ModelRequestRejectedError, ModelQuotaExceededError, ModelRequestTimeout)
"""What the same request gets again: pydantic-ai does not have its other engines retry these either."""


@contextmanager
def told_to_the_engine() -> Generator[None]:
    """Say of what an operation raises whether and when the step may be tried again; and keep what a model raised."""
    try:
        yield
    except MISTAKES as error:
        mark(error, Mark(retriable=False))
        raise
    except ModelAPIError as error:
        retriable = not isinstance(error, FINAL)
        wait = min(error.retry_after or 0, MAX_RETRY_AFTER_SECONDS)
        retry_after = timedelta(seconds=wait) if retriable and wait > 0 else None
        mark(error, Mark(retriable=retriable, retry_after=retry_after, data=_as_data(error)))
        raise
    except ExceptionGroup as error:  # of a FallbackModel, all of whose models have failed
        for each in leaves(error):
            if isinstance(each, (*MISTAKES, *FINAL)):
                mark(each, Mark(retriable=False))
        raise


@contextmanager
def model_errors_as_themselves() -> Generator[None]:
    """Have the error of a step whose model failed be what the model raised, too."""
    try:
        yield
    except StepError as error:
        rebuilt = _from_data(error)
        if rebuilt is None:
            raise
        raise rebuilt from error.cause


@contextmanager
def run_errors_are_final() -> Generator[None]:
    """Say that what an agent's run raises itself, such as a limit it went past, would come again in the next attempt.

    What it made of the results of its steps it makes of them again. But a model that was asked without a step, by the
    code of a tool without steps for example, may answer next time.
    """
    try:
        yield
    except (AgentRunError, *MISTAKES) as error:
        asked_without_step = isinstance(error, ModelAPIError) and not isinstance(error, (StepError, *FINAL))
        if not asked_without_step:
            mark(error, Mark(retriable=False))
        raise


def unserializable(error: Exception) -> NonRetriableError:
    """Return the error of a result that JSON cannot express: another attempt would give the like."""
    return NonRetriableError(
        f"the result cannot be written as JSON, in which steps are kept: {error}; return a text, a number, a list, a "
        "dict, a dataclass or a pydantic model"
    )


def _as_data(error: ModelAPIError) -> dict[str, Any]:
    """Return an error as JSON has it, with the classes of pydantic-ai that it is one of."""
    kinds = [each.__name__ for each in type(error).__mro__ if _kind(each.__name__) is each]
    known = {name for each in map(_kind, kinds) if each is not None for name in inspect.get_annotations(each)}
    fields = {name: value for name, value in vars(error).items() if name in known and name not in LEFT_OUT}
    try:
        told: dict[str, Any] = _plain(fields)
        if len(json.dumps(told)) > LONGEST:
            told["body"] = None
    except ValueError:  # a body that refers to itself
        told = _plain({**fields, "body": None})
    return {KEY: {"kinds": kinds, "fields": told}}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = to_jsonable_python(fields, fallback=str, bytes_mode="base64", inf_nan_mode="null")
    return plain


def _from_data(error: StepError) -> StepError | None:
    """Return what the model raised, which is the StepError, too; None where a model raised nothing."""
    data = error.data
    told: Any = cast("Mapping[str, Any]", data).get(KEY) if isinstance(data, Mapping) else None
    if told is None:
        return None
    return _rebuild(error.name, tuple(told["kinds"]), str(error), {"headers": None, **told["fields"], **vars(error)})


def _rebuild(name: str, kinds: tuple[str, ...], message: str, fields: dict[str, Any]) -> StepError:
    both = _class_of(name, kinds)
    rebuilt: StepError = both.__new__(both, message)
    vars(rebuilt).update(fields)
    return rebuilt


def _kind(name: str) -> type[ModelAPIError] | None:
    """Return the class of errors of models that has a name."""
    found: object = None if name.startswith("_") else getattr(exceptions, name, None)
    return found if isinstance(found, type) and issubclass(found, ModelAPIError) else None


@functools.lru_cache(maxsize=64)
def _class_of(name: str, kinds: tuple[str, ...]) -> type[StepError]:
    known = [kind for kind in map(_kind, kinds) if kind is not None]

    def reduce(self: StepError) -> tuple[Any, ...]:  # no module has this class, which pickle would look for
        return _rebuild, (name, kinds, str(self), vars(self))

    return cast(
        "type[StepError]", type(name, (*known, StepError), {"__module__": exceptions.__name__, "__reduce__": reduce})
    )
