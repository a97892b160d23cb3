"""An exception in words: readable also where the exception is not, and never longer than is of use.

Every text of a user's exception that leaves this SDK comes from here. No wire names, no I/O.
"""

from __future__ import annotations

from typing import Any, cast

import pydantic

from .errors import StepError

LONGEST_MESSAGE = 8 * 1024
"""Characters of a message on the wire."""
SHORT_MESSAGE = 2 * 1024
"""Characters of a message that is part of something else: a line of a log, a stack, another message."""
LONGEST_NAME = 200
LONGEST_PROBLEM = 300
MOST_PROBLEMS = 5
"""How many of the problems of data that does not fit its type are listed."""
MOST_MEMBERS = 25
"""How many exceptions of a group are listed."""

_MARK = 40
"""Characters that the mark of a cut may take."""

_TELLING = (ValueError, TypeError, RecursionError)
"""Their texts say enough; that of a KeyError does not."""

_Group = BaseExceptionGroup[BaseException]


def cut(text: str, limit: int, *, end: int = 0) -> str:
    """Return *text*, or its beginning and what is missing: never more than *limit* characters.

    end: so many of its last characters are kept, too.
    """
    if len(text) <= limit:
        return text
    start = limit - end - _MARK
    mark = f"... ({len(text) - start - end:,} characters more)"
    return f"{text[:start]}{mark}" if not end else f"{text[:start]}{mark}\n{text[-end:]}"


def name_of(error: BaseException) -> str:
    """Return the name of the class of an exception; for a StepError, that of what its step raised."""
    if isinstance(error, StepError):
        return cut(error.name, LONGEST_NAME)
    try:
        return cut(str(type(error).__name__), LONGEST_NAME)
    except Exception:  # a metaclass may raise anything
        return "Exception"


def message_of(error: BaseException, limit: int = LONGEST_MESSAGE) -> str:
    """Return the text of an exception, also when its own `__str__` is broken; that of a group names its exceptions."""
    if isinstance(error, BaseExceptionGroup):
        return cut(_message_of_group(cast("_Group", error)), limit)
    try:
        return cut(str(error), limit)
    except Exception as broken:  # an exception whose __str__ raises must not hide that it was raised
        return f"(its message cannot be read: {type(broken).__name__})"


def headline(error: BaseException, limit: int = SHORT_MESSAGE) -> str:
    """Return name and text of an exception in one; for a StepError, also which step it was."""
    step = f'step "{error.step_id}": ' if isinstance(error, StepError) and error.step_id else ""
    message = message_of(error, limit)
    return f"{step}{name_of(error)}: {message}" if message else f"{step}{name_of(error)}"


def leaves(error: BaseException) -> list[BaseException]:
    """Return the exceptions of a group and of the groups in it, each once; for what is not a group, itself."""
    found: list[BaseException] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(reversed(cast("_Group", each).exceptions))
        else:
            found.append(each)
    return found


def _message_of_group(group: _Group) -> str:
    members = leaves(group)
    share = max(LONGEST_PROBLEM, SHORT_MESSAGE // len(members))
    told = [headline(each, share) for each in members[:MOST_MEMBERS]]
    if len(members) > MOST_MEMBERS:
        told.append(f"and {len(members) - MOST_MEMBERS:,} more")
    own = cut(group.message, SHORT_MESSAGE)
    return f"{own}: {'; '.join(told)}" if own else "; ".join(told)


def misfit_of(error: BaseException | None, root: str = "") -> str:
    """Return what does not fit a type and where: the first problems, and never the data itself.

    root: what the paths begin with.
    """
    if error is None:
        return ""
    if isinstance(error, pydantic.PydanticUserError):  # the rest is advice on models
        return message_of(error, SHORT_MESSAGE).partition(". ")[0]
    if not isinstance(error, pydantic.ValidationError):
        alone = message_of(error, SHORT_MESSAGE) if isinstance(error, _TELLING) else ""
        return alone or headline(error)
    problems = error.errors(include_url=False, include_input=False)
    told = [cut(_problem(cast("dict[str, Any]", each), root), LONGEST_PROBLEM) for each in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        told.append(f"and {len(problems) - MOST_PROBLEMS:,} more")
    return ", ".join(told)


def _problem(problem: dict[str, Any], root: str) -> str:
    path = root + "".join(
        f".{each}" if isinstance(each, str) and each.isidentifier() else f"[{each!r}]" for each in problem["loc"]
    )
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "union_tag_invalid":  # the one message that shows the data
        message = f"{problem['ctx']['discriminator']} should be one of: {problem['ctx']['expected_tags']}"
    return f"{path.removeprefix('.')}: {message}" if path else message


def kind_of(value: object) -> str:
    """Return what a value is, without what it holds: "None", "the class Order", "a dict", "an Event"."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
