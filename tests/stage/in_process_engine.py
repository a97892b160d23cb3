"""A tiny engine: it calls one function of an `App` until that has ended, as an engine does. No sockets, no clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inngest_core.serving.app import App
from inngest_core.web.messages import Request
from tests.cases.case import FULL_ID, Call, hashed, read_ops

from .asks import Ask


class RunFailedError(Exception):
    """What the function raised, as the app tells it to the engine."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer))
        self.answer = answer


@dataclass(slots=True)
class InProcessEngine:
    """One run. choose: given how many planned steps are left, which of them is next to be done."""

    app: App
    ask: Ask
    choose: Callable[[int], int]
    memos: dict[str, object] = field(default_factory=dict[str, object])
    stack: list[str] = field(default_factory=list[str])
    calls: int = 0

    def call(self, target: str | None = None, *, plan_only: bool = False, max_attempts: int = 1) -> tuple[int, Any]:
        """Send one call request; return status and JSON."""
        self.calls += 1
        body = Call(max_attempts=max_attempts, plan_only=plan_only).as_json()
        body["steps"] = self.memos
        body["ctx"]["stack"] = {"current": len(self.stack), "stack": self.stack}
        url = f"http://app/api/inngest?fnId={FULL_ID}&stepId={target or 'step'}"
        response = self.ask(self.app, Request("POST", url, {}, json.dumps(body).encode()))
        return response.status, read_ops(response.content)

    def run(self, *, race: bool = False, most_calls: int = 500) -> object:
        """Return what the function returned; raises RunFailedError.

        race: discover after every step instead of after all planned ones. As engines do, it forgets "plan only" then,
        where all that is left was planned by a group in race mode.
        """
        pending: dict[str, Any] = {}
        while True:
            assert self.calls < most_calls, "the run does not end"
            status, answer = self.call(plan_only=not all(_is_of_a_race(op) for op in pending.values()))
            if status == 200:
                return answer
            if status == 500:
                raise RunFailedError(answer)
            assert status == 206, answer
            if answer[0]["id"] == hashed("complete"):
                return answer[0]["data"]
            for op in answer:
                assert op["id"] not in self.memos, f"{op} was reported again"
                if op["op"] in ("StepRun", "StepFailed"):
                    assert not pending
                    self.keep(op)
                else:
                    pending.setdefault(op["id"], op)
            while pending:
                self.do(pending.pop(list(pending)[self.choose(len(pending))]))
                if race:
                    break

    def do(self, op: dict[str, Any]) -> None:
        """Do one planned step, or what was handed to the engine."""
        if op["op"] == "Sleep":
            self.memos[op["id"]] = None
            self.stack.append(op["id"])
            return
        assert op["op"] == "StepPlanned", op
        status, answer = self.call(op["id"], plan_only=True)
        assert status == 206, answer
        assert [each["id"] for each in answer] == [op["id"]]
        self.keep(answer[0])

    def keep(self, op: dict[str, Any]) -> None:
        """Keep what a step gave."""
        assert op["op"] in ("StepRun", "StepFailed"), op
        self.memos[op["id"]] = {"data": op["data"]} if op["op"] == "StepRun" else {"error": op["error"]}
        self.stack.append(op["id"])


def _is_of_a_race(op: dict[str, Any]) -> bool:
    return "parallelMode" in op.get("opts", {})
