"""Small random programs of steps: as data, run as a body on the engine, and by a plain interpreter in memory.

The interpreter says what a program must return and how often each step must be called; nothing of it knows steps.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

import inngest

from .colours import Colour, Script, branch
from .effects import Effects


@dataclass(frozen=True, slots=True)
class Do:
    """A step that fails so many times before it works."""

    failures: int


@dataclass(frozen=True, slots=True)
class Nap:
    ms: int


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Branches side by side."""

    branches: tuple[Node, ...]
    race: bool


@dataclass(frozen=True, slots=True)
class Loop:
    """The same step id again and again."""

    times: int
    failures: int


@dataclass(frozen=True, slots=True)
class Try:
    """Catches the error of a failed step, and goes on with another part."""

    body: Node
    mend: Node


Node = Do | Nap | Sequence | Group | Loop | Try

RETRIES = 1
"""A step that fails more often has failed for good."""

_leaves = st.one_of(
    st.builds(Do, st.sampled_from([0, 0, 0, 1, 2])),
    st.builds(Nap, st.integers(0, 2)),
    st.builds(Loop, st.integers(0, 3), st.sampled_from([0, 0, 1])),
)


def _inner(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(Sequence, st.lists(children, max_size=3).map(tuple)),
        st.builds(Group, st.lists(children, max_size=3).map(tuple), st.booleans()),
        st.builds(Try, children, children),
    )


programs: st.SearchStrategy[Node] = st.recursive(_leaves, _inner, max_leaves=10)


class FailedError(Exception):
    """A step failed for good."""


@dataclass
class Expected:
    """What a program must come to."""

    calls: Counter[str] = field(default_factory=Counter[str])

    def run(self, node: Node, path: str) -> Any:
        match node:
            case Do(failures):
                return self._do(path, failures)
            case Nap():
                return None
            case Loop(times, failures):
                return [self._do(f"{path}#{n}", failures) for n in range(times)]
            case Sequence(parts):
                return [self.run(part, f"{path}.{n}") for n, part in enumerate(parts)]
            case Group(branches):
                return self._group(branches, path)
            case Try(body, mend):
                try:
                    return self.run(body, f"{path}.t")
                except FailedError as error:
                    return [str(error), self.run(mend, f"{path}.m")]

    def _do(self, name: str, failures: int) -> str:
        if failures > RETRIES:
            self.calls[name] = RETRIES + 1
            raise FailedError(f"{name} fails for the {RETRIES + 1}. time")
        self.calls[name] = failures + 1
        return name

    def _group(self, branches: tuple[Node, ...], path: str) -> Any:
        results: list[Any] = []
        errors: list[FailedError] = []
        for n, each in enumerate(branches):
            try:
                results.append(self.run(each, f"{path}.{n}"))
            except FailedError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return results


@dataclass(frozen=True, slots=True)
class Program:
    """Runs a program with real steps."""

    colour: Colour
    effects: Effects
    ctx: Any
    step: Any

    def run(self, node: Node, path: str) -> Script:
        match node:
            case Do(failures):
                return (yield self._do(path, path, failures))
            case Nap(ms):
                return (yield self.step.sleep(path, ms))
            case Loop(times, failures):
                return (yield from self._loop(path, times, failures))
            case Sequence(parts):
                results: list[Any] = []
                for n, part in enumerate(parts):
                    one = yield from self.run(part, f"{path}.{n}")
                    results.append(one)
                return results
            case Group(branches, race):
                mode = inngest.ParallelMode.RACE if race else inngest.ParallelMode.WAIT
                calls = [branch(self.colour, self.run, each, f"{path}.{n}") for n, each in enumerate(branches)]
                return list((yield self.ctx.group.parallel(calls, parallel_mode=mode)))
            case Try(body, mend):
                try:
                    return (yield from self.run(body, f"{path}.t"))
                except inngest.StepError as error:
                    message = error.message
                return [message, (yield from self.run(mend, f"{path}.m"))]

    def _loop(self, path: str, times: int, failures: int) -> Script:
        found: list[Any] = []
        for n in range(times):
            one = yield self._do(path, f"{path}#{n}", failures)
            found.append(one)
        return found

    def _do(self, step_id: str, name: str, failures: int) -> Any:
        return self.step.run(step_id, self.effects.fails, name, failures)
