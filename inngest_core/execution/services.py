"""What a call uses of its function and of its client. Values only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from inngest_core.engine_api import EngineAPI
from inngest_core.events.event import Event
from inngest_core.middleware.hooks import Hooks
from inngest_core.runtime.effects import Flow
from inngest_core.values.serializer import Serializer

from .checkpoint import Checkpoint
from .results import Warned
from .step_names import StepNames


@dataclass(slots=True)
class Services:
    """What a call uses of its function and client.

    send: sends events, given them and the seed of their ids. engine_api: the engine's API; headers: those that requests
    to it carry during this call. warned: of which results was warned already.
    step_names: of the steps that earlier calls planned. checkpoint: keeps and saves results while the call goes on;
    None where each step ends the call. state_bytes: of the memos that the call brought.
    """

    function_id: str
    hooks: Hooks
    logger: logging.Logger
    send: Callable[[Sequence[Event], str], Flow[list[str]]]
    engine_api: EngineAPI
    headers: Mapping[str, str]
    serializer: Serializer | None = None
    warned: Warned = field(default_factory=set[tuple[str, object]])
    step_names: StepNames = field(default_factory=StepNames)
    checkpoint: Checkpoint | None = None
    state_bytes: int = 0
