"""What a call says when it cannot be answered as asked: messages, and the answer to a step that was not met."""

from __future__ import annotations

from collections.abc import Sequence

from inngest_core.error_text import kind_of
from inngest_core.errors import StepUnexpectedError
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES, in_words
from inngest_core.protocol.wire import Header, Op, dump_op

from .answer import Answer
from .outcomes import TargetMissed

FORGOTTEN_STEPS = (
    'function %s met the new step "%s", but not the %d steps again that had finished last; a step is known '
    "by its id, so an id must be the same in every call: make it of a name and the event's data, not of a "
    "random value or the time (once after a change of the function, this is expected)"
)
SHARED_ID = (
    'function %s: step "%s" is met in %s and in %s, which run side by side; which of them meets it first may '
    "differ from call to call, and then one gets the result of the other: give each step its own id, such as "
    'one that holds the item it is for: f"%s-{item.id}"'
)

MOST_FOUND_STEPS = 25
"""How many of the steps that were met are listed in an error."""


def no_answer(given: object) -> str:
    return f"a wrap_request hook returned {kind_of(given)}; return what call_next() or the yield gave, or nothing"


def not_injected(function_id: str, names: Sequence[str]) -> str:
    return (
        f"function {function_id}: no middleware gives {', '.join(names)}, which the handler declares with Depends; "
        "add DependencyInjection() of inngest.middleware.dependency_injection to the middleware of client or function"
    )


def too_large(function_id: str, ops: Sequence[Op], size: int) -> str:
    """Return the message for an answer that an engine would refuse; the largest ops are named first."""
    sized = sorted(((len(dump_op(op)), op.step_id) for op in ops), key=lambda each: -each[0])
    held = [f'step "{step_id}" ({each:,})' if step_id else f"the output ({each:,})" for each, step_id in sized]
    named = ", ".join(held[:MOST_FOUND_STEPS]) + (" and more" if len(held) > MOST_FOUND_STEPS else "")
    return (
        f"function {function_id}: the answer is {size:,} bytes as JSON, over the limit of "
        f"{in_words(MAX_RESPONSE_BYTES)} for one answer; it holds {named}; "
        "start fewer steps at a time, or keep their data elsewhere and pass on where it is"
    )


def answer_missed(target: str, missed: TargetMissed) -> Answer:
    met = missed.met[:MOST_FOUND_STEPS]
    names = ", ".join(f'"{step_id}"' for _, step_id in met) or "none"
    named = target if missed.name is None else f"{missed.name} ({target})"
    message = (
        f"the engine asked for step {named}, which the function did not meet (it met: {names}); "
        "was the function changed while runs were under way, or are its step ids others in each call?"
    )
    body = {
        "code": StepUnexpectedError.code,
        "name": StepUnexpectedError.__name__,
        "message": message,
        "error": message,
        "requestedStep": target,
        "foundSteps": [{"id": hashed, "displayName": step_id} for hashed, step_id in met],
        "totalFoundSteps": len(missed.met),
    }
    return Answer(500, body, {Header.NO_RETRY.value: "false"})
