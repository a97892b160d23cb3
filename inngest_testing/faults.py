"""Faults that a test asks for: an app that dies after a step, a request that comes twice, a save that is refused.

An engine calls at least once: after each of these it calls again, and what a step does outside must still count once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

from inngest_core.web.messages import HTTPRequest, HTTPResponse, Request, Response, TransportError

from .errors import StubError
from .sending import Ask
from .wording import listed, meant

__tracebackhide__ = True

_FAULTS = ("crash_after", "duplicate", "save_fails")


@dataclass(slots=True)
class Faults:
    """crash_after, duplicate, save_fails: as for `testing.run`; ids of steps. happened: which of these there were."""

    crash_after: str | None = None
    duplicate: str | None = None
    save_fails: str | None = None
    happened: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        for fault in _FAULTS:
            step_id: object = getattr(self, fault)
            if step_id is not None and not isinstance(step_id, str):
                raise TypeError(f"{fault} is {step_id!r}; give the id of a step")

    def __bool__(self) -> bool:
        return any((self.crash_after, self.duplicate, self.save_fails))

    async def ask(self, request: Request, ask: Ask) -> Response:
        """Make a request, with what goes wrong; raises TransportError when the app dies."""
        response = await ask(request)
        if self._is_time("duplicate", self.duplicate, _names(response)):
            await ask(request)  # the engine keeps the first answer
        if self._is_time("crash_after", self.crash_after, _names(response)):
            raise TransportError(f'the app died after step "{self.crash_after}", as the test asked for')
        return response

    def refuse_save(self, request: HTTPRequest) -> HTTPResponse | None:
        """Return the answer to a save that is to fail; None for one that is not."""
        if self.save_fails is None or "/v1/checkpoint/" not in request.url:
            return None
        steps: list[dict[str, Any]] = json.loads(request.body).get("steps", [])
        if not self._is_time("save_fails", self.save_fails, [str(step.get("displayName")) for step in steps]):
            return None
        return HTTPResponse(422, {}, b'{"error": "the engine does not save this, as the test asked for"}')

    def _is_time(self, fault: str, step_id: str | None, names: list[str]) -> bool:
        """Tell whether a fault is to happen: once, at the first result of its step."""
        if step_id is None or fault in self.happened or step_id not in names:
            return False
        self.happened.add(fault)
        return True

    def check_happened(self, met: list[str]) -> None:
        """Raise StubError when a fault did not happen, as its step had no result. met: the steps that there were."""
        for fault in _FAULTS:
            step_id: str | None = getattr(self, fault)
            if step_id is not None and fault not in self.happened:
                what = f'{fault}="{step_id}" did not happen: the app reported no result of such a step'
                hint = "; the engine does that step itself" if step_id in met else meant(step_id, met)
                raise StubError(f"{what}{hint}\nthe steps that were met: {listed(met)}")


def _names(response: Response) -> list[str]:
    """Return the ids of the steps that ran, in an answer."""
    if response.status != 206:
        return []
    body: object = json.loads(response.content)
    ops = cast("list[dict[str, Any]]", body) if isinstance(body, list) else []
    return [str(op.get("displayName")) for op in ops if op.get("op") in ("StepRun", "StepError", "StepFailed")]
