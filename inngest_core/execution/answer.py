"""What the core answers before it becomes a response: status, JSON value, headers. Not yet dumped, not yet signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Answer:
    """An answer to the engine.

    body: plain JSON values, or JSON text as bytes. headers: lower-case names, without the common ones.
    """

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
