"""An engine that saves steps while a call goes on, and fails to in every way; it drives one run until that has ended.

It stands on the engine double: real requests over a socket, so that what is cut off is a real connection.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import Any

from tests.cases.case import FULL_ID, RUN_ID, Call, hashed, read_answer
from tests.targets.target import Send

from .engine_api import CUT_OFF, Answer, EngineDouble, Recorded


class Fault(enum.Enum):
    """What goes wrong when steps are to be saved."""

    REFUSES = enum.auto()
    TOO_LARGE = enum.auto()
    FAILS_ONCE = enum.auto()
    NONSENSE = enum.auto()
    DIES = enum.auto()
    """The connection is cut before anything is saved."""
    SAVES_WITHOUT_ANSWERING = enum.auto()
    SAVES_THE_FIRST_AND_REFUSES = enum.auto()
    SUPERSEDES = enum.auto()


class RunFailedError(Exception):
    """The function failed for good."""


@dataclass(slots=True)
class SavingEngine:
    """One run. send: asks the target; fault: what goes wrong at the save request of number *at*, over all calls."""

    send: Send
    double: EngineDouble
    fault: Fault
    at: int
    memos: dict[str, object] = field(default_factory=dict[str, object])
    acknowledged: set[str] = field(default_factory=set[str])
    calls: int = 0
    _saves: int = 0

    def run(self, most_calls: int = 50) -> object:
        """Return what the function returned; raises RunFailedError."""
        self.double.reset({"*": [self._save]})
        while True:
            self.calls += 1
            assert self.calls < most_calls, "the run does not end"
            status, answer = self._call()
            if status == 200:
                return answer
            if status == 500:
                raise RunFailedError(answer["name"])
            assert status == 206, answer
            for op in answer:
                if op["id"] == hashed("complete"):
                    return op["data"]
                self._keep(op)

    def _call(self) -> tuple[int, Any]:
        body = Call(saves=True, max_attempts=1).as_json()
        body["steps"] = dict(self.memos)
        body["ctx"]["stack"] = {"current": len(self.memos), "stack": list(self.memos)}
        answer = self.send("POST", f"fnId={FULL_ID}&stepId=step", {}, json.dumps(body).encode())
        return answer.status, read_answer(answer.body)

    def _keep(self, op: dict[str, Any]) -> None:
        if op["op"] == "Sleep":
            self.memos.setdefault(op["id"], None)
            return
        assert op["op"] == "StepRun", op
        self.memos.setdefault(op["id"], {"data": op["data"]})
        self.acknowledged.add(op["id"])

    def _save(self, request: Recorded) -> Answer:
        assert request.path == f"/v1/checkpoint/{RUN_ID}/async"
        self._saves += 1
        steps: list[dict[str, Any]] = request.json()["steps"]
        return self._fail(steps) if self._saves == self.at else self._take(steps)

    def _take(self, steps: list[dict[str, Any]]) -> Answer:
        for step in steps:
            self._keep(step)
        return 200, b""

    def _fail(self, steps: list[dict[str, Any]]) -> Answer:
        match self.fault:
            case Fault.REFUSES:
                return 400, {"error": "run not found in state store"}
            case Fault.TOO_LARGE:
                return 413, {"error": "state overflowed"}
            case Fault.FAILS_ONCE:
                return 500, {"error": "database is locked"}
            case Fault.NONSENSE:
                return 200, b"<html>log in</html>"
            case Fault.DIES:
                return CUT_OFF
            case Fault.SAVES_WITHOUT_ANSWERING:
                self._take(steps)
                return CUT_OFF
            case Fault.SAVES_THE_FIRST_AND_REFUSES:
                self._take(steps[:1])
                return 400, {"error": "cannot checkpoint async steps"}
            case Fault.SUPERSEDES:
                return 409, {"error": "stale"}
