"""What one call of one function came to. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .replay import Found
from .steps import Tool
from .wire import Op


@dataclass(frozen=True, slots=True)
class Reported:
    """The call ended with ops. headers: when, and whether, the step that failed may be tried again."""

    ops: Sequence[Op]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned."""

    value: object


@dataclass(frozen=True, slots=True)
class Raised:
    """The function raised."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class TargetMissed:
    """The function did not meet the step that the engine asked for."""

    found: Sequence[Found[Tool]]


Outcome = Reported | Returned | Raised | TargetMissed
