"""Random programs of steps, as data. `players` runs them as functions; `program_model` says what they must come to."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st


class Way(enum.Enum):
    """How branches run side by side."""

    PARALLEL = "ctx.group.parallel"
    RACE = "ctx.group.parallel, as a race"
    GATHER = "gather"
    GATHER_ALL = "gather, with exceptions as results"
    TASK_GROUP = "TaskGroup"
    AS_COMPLETED = "as_completed"
    WAIT = "wait"
    FIRST = "wait for the first, do something about it, then wait for the rest"
    SEMAPHORE = "gather, two at a time"
    QUEUE = "two workers and a queue"
    LATE = "tasks that are awaited after something else"


WITHOUT_STEPS = tuple(way for way in Way if way not in (Way.PARALLEL, Way.RACE))
"""The ways of asyncio itself, in which a program without steps can go, too."""


@dataclass(frozen=True, slots=True)
class Run:
    """A step that runs.

    times: one after another under one id. failures: of each, before it works.
    awaits, turns: in an async function, whether the callback is async, and the turns of the loop before the step.
    """

    step_id: str = ""
    times: int = 1
    failures: int = 0
    awaits: bool = False
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Nap:
    """A step that the engine does."""

    step_id: str = ""
    ms: int = 1000


@dataclass(frozen=True, slots=True)
class Try:
    """Catches the error of a step that failed for good, and goes on with another part."""

    body: Program
    mend: Program = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Branches side by side. timed: under a time-out that does not pass, in an async function."""

    branches: tuple[Program, ...]
    way: Way = Way.PARALLEL
    timed: bool = False
    name: str = ""


Node = Run | Nap | Try | Group
Program = tuple[Node, ...]


def names(run: Run) -> list[str]:
    """Return what each execution of the step is called: "a", "a:1", "a:2"."""
    return [run.step_id if number == 0 else f"{run.step_id}:{number}" for number in range(run.times)]


def named(program: Program, prefix: str = "s") -> Program:
    """Give every step of *program* an id of its own."""
    return tuple(_named(node, f"{prefix}{number}") for number, node in enumerate(program))


def _named(node: Node, name: str) -> Node:
    match node:
        case Run() | Nap():
            return dataclasses.replace(node, step_id=name)
        case Try(body, mend):
            return Try(named(body, f"{name}.t"), named(mend, f"{name}.m"))
        case Group(branches):
            inner = tuple(named(branch, f"{name}.{at}.") for at, branch in enumerate(branches))
            return dataclasses.replace(node, branches=inner, name=name)


def programs(
    *, ways: Sequence[Way], failures: Sequence[int], uncaught: bool, most_ms: int = 1000
) -> st.SearchStrategy[Program]:
    """Return a strategy of programs.

    ways: how their groups go. failures: numbers from which a step's are taken. uncaught: whether an error may leave
    the part that raised it. most_ms: of a nap.
    """
    runs = st.builds(
        Run,
        times=st.integers(0, 3),
        failures=st.sampled_from(failures),
        awaits=st.booleans(),
        turns=st.sampled_from([0, 0, 1, 5]),
    )
    caught = runs.map(lambda run: run if run.failures == 0 else Try((run,)))
    leaves: st.SearchStrategy[Node] = st.one_of(
        runs if uncaught else caught, st.builds(Nap, ms=st.integers(0, most_ms))
    )

    def inner(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        branches = st.lists(_sequences(nodes), max_size=3).map(tuple)
        groups = st.builds(Group, branches, st.sampled_from(ways), st.booleans())
        return st.one_of(groups, st.builds(Try, _sequences(nodes), _sequences(nodes))) if uncaught else groups

    return _sequences(st.recursive(leaves, inner, max_leaves=10)).map(named)


def _sequences(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Program]:
    return st.lists(nodes, max_size=3).map(tuple)
