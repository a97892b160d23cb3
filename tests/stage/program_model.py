"""What a program must come to, by a model that knows nothing of the SDK: its result, its calls, and its next steps."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Container, Iterable
from typing import Any

from tests.cases.case import hashed

from .effects import failure_text
from .programs import Group, Nap, Node, Program, Run, Try, Way, names


class FailedError(Exception):
    """A step has failed for good, and nothing caught it."""


class _NotYetError(Exception):
    """The program waits for steps."""


class _Everything(Container[object]):
    def __contains__(self, _: object) -> bool:
        return True


class Model:
    """One walk through a program whose steps have so many attempts. done: the hashed ids of the steps that are done.

    calls: how often the callback of each step is called up to here. pending: the steps that are met next, by hashed id.
    raced: those of them that belong to a race.
    """

    def __init__(self, attempts: int, done: Container[object] | None = None) -> None:
        self.calls = Counter[str]()
        self.pending: dict[str, Run | Nap] = {}
        self.raced = set[str]()
        self._in_race = False
        self._attempts = attempts
        self._done = _Everything() if done is None else done

    def walk(self, program: Program) -> list[Any]:
        """Return what the program returns; raises FailedError when it fails."""
        return [self._visit(node) for node in program]

    def _visit(self, node: Node) -> Any:
        match node:
            case Run():
                return [self._run(name, node) for name in names(node)]
            case Nap(step_id):
                self._meet(step_id, node)
                return None
            case Try(body, mend):
                try:
                    return self.walk(body)
                except FailedError as error:
                    return [str(error), self.walk(mend)]
            case Group(branches, way):
                before = self._in_race
                self._in_race = before or way is Way.RACE  # a group that waits is of the race that it is in
                try:
                    return self._group(branches)
                finally:
                    self._in_race = before

    def _meet(self, name: str, node: Run | Nap) -> None:
        if hashed(name) not in self._done:
            self.pending[hashed(name)] = node
            if self._in_race:
                self.raced.add(hashed(name))
            raise _NotYetError

    def _run(self, name: str, node: Run) -> str:
        self._meet(name, node)
        self.calls[name] = min(node.failures + 1, self._attempts)
        if node.failures >= self._attempts:
            raise FailedError(failure_text(name, self._attempts))
        return name

    def _group(self, branches: tuple[Program, ...]) -> list[Any]:
        """All branches go on, whatever becomes of the others; then the first error counts."""
        results: list[Any] = []
        errors: list[FailedError] = []
        waits = False
        for branch in branches:
            try:
                results.append(self.walk(branch))
            except FailedError as error:
                errors.append(error)
            except _NotYetError:
                waits = True
        if waits:
            raise _NotYetError
        if errors:
            raise errors[0]
        return results


def outcome(program: Program, attempts: int) -> tuple[str, Any]:
    """Return ("returned", result) or ("failed", message)."""
    try:
        return "returned", Model(attempts).walk(program)
    except FailedError as error:
        return "failed", str(error)


def calls(program: Program, attempts: int) -> Counter[str]:
    """Return how often the callback of each step is called, by name."""
    model = Model(attempts)
    try:
        model.walk(program)
    except FailedError:
        return model.calls
    return model.calls


def frontier(program: Program, done: Iterable[str]) -> Model:
    """Return a model that has met the next steps of *program*, once those in *done* are done.

    Steps have one attempt. Without pending steps the program has ended.
    """
    model = Model(1, set(done))
    with contextlib.suppress(_NotYetError, FailedError):
        model.walk(program)
    return model


def memo(node: Run | Nap, hashed_id: str) -> object:
    """Return the memo that an engine has of a step that is done, after one attempt."""
    if isinstance(node, Nap):
        return None
    name = next(name for name in names(node) if hashed(name) == hashed_id)
    if node.failures:
        return {"error": {"name": "ValueError", "message": failure_text(name, 1)}}
    return {"data": name}
