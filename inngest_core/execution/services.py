"""What a call uses of its function, of its client, and of the request that asked for it. No effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inngest_core.engine_api import trace_headers
from inngest_core.events.event import Event
from inngest_core.function import Function
from inngest_core.middleware.base import MiddlewareFactory
from inngest_core.middleware.hooks import Hooks
from inngest_core.protocol.wire import CallRequest
from inngest_core.runtime.drivers import Resources
from inngest_core.runtime.effects import Flow
from inngest_core.values.serializer import Serializer
from inngest_core.web.messages import Request

from .checkpoint import Checkpoint, SavingClient, can_checkpoint, make_checkpoint
from .results import Warned
from .step_names import StepNames


class Client(SavingClient, Protocol):
    """What a call needs of the client that its function was defined with.

    warned_of: of which results was warned already. step_names: of the steps that earlier calls planned.
    """

    @property
    def app_id(self) -> str: ...
    @property
    def middleware(self) -> Sequence[MiddlewareFactory]: ...
    @property
    def resources(self) -> Resources: ...
    @property
    def serializer(self) -> Serializer | None: ...
    @property
    def step_names(self) -> StepNames: ...
    @property
    def warned_of(self) -> Warned: ...
    def send_flow(
        self,
        events: Sequence[Event],
        *,
        seed: str | None = None,
        raw_request: object = None,
        middleware: Sequence[MiddlewareFactory] = (),
        headers: Mapping[str, str] | None = None,
        asynchronous: bool = False,
    ) -> Flow[list[str]]: ...


@dataclass(slots=True)
class Services:
    """What a call uses of its function and client.

    function_id: of the function, or of its failure handler. is_async: whether that is `async def`.
    target: the step that the call is for, if it is for one. started: when it was asked for, in Unix seconds.
    """

    client: Client
    function: Function[Any]
    function_id: str
    is_async: bool
    hooks: Hooks
    call: CallRequest
    target: str | None
    request: Request
    started: float

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that requests to the engine's API carry during this call."""
        return trace_headers(self.request.headers)

    def send(self, events: Sequence[Event], seed: str) -> Flow[list[str]]:
        """Send events; seed: what their ids are made from."""
        return self.client.send_flow(
            events,
            seed=seed,
            raw_request=self.request.raw,
            middleware=self.function.middleware,
            headers=self.headers,
            asynchronous=self.is_async,
        )

    def make_checkpoint(self) -> Checkpoint | None:
        """Return what keeps and saves results while the call goes on; None where each step ends it."""
        ctx = self.call.ctx
        if not can_checkpoint(ctx, self.target):
            return None
        return make_checkpoint(self.function, self.client, self.function_id, ctx, self.headers, self.started)
