"""Random programs of steps: how they run in both colours, and what an independent model says they must do next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from hypothesis import strategies

import inngest
from tests.cases.case import hashed


@dataclass(frozen=True)
class Run:
    """A step that runs, so many times under one id."""

    step_id: str
    times: int = 1


@dataclass(frozen=True)
class Nap:
    """A step of the engine's."""

    step_id: str


@dataclass(frozen=True)
class Fail:
    """A step that fails for good, and is caught."""

    step_id: str


@dataclass(frozen=True)
class Group:
    """Branches, in parallel."""

    branches: tuple[Program, ...]


Node = Run | Nap | Fail | Group
Program = tuple[Node, ...]


@dataclass(slots=True)
class Trace:
    """Which steps were executed, by their names, in order."""

    executed: list[str] = field(default_factory=list[str])

    def run(self, name: str) -> str:
        self.executed.append(name)
        return name

    async def run_async(self, name: str) -> str:
        return self.run(name)

    def fail(self, name: str) -> str:
        self.executed.append(name)
        raise ValueError(name)


def names(run: Run) -> list[str]:
    return [run.step_id if number == 0 else f"{run.step_id}:{number}" for number in range(run.times)]


def play(program: Program, ctx: inngest.ContextSync, trace: Trace) -> list[object]:
    """Run *program* in a sync function."""
    values: list[object] = []
    for node in program:
        match node:
            case Run(step_id):
                values.append([ctx.step.run(step_id, trace.run, name) for name in names(node)])
            case Nap(step_id):
                ctx.step.sleep(step_id, 1000)
                values.append(None)
            case Fail(step_id):
                try:
                    ctx.step.run(step_id, trace.fail, step_id)
                except inngest.StepError as error:
                    values.append(f"caught {error.message}")
            case Group(branches):
                values.append(list(ctx.group.parallel([_branch(each, ctx, trace) for each in branches])))
    return values


def _branch(program: Program, ctx: inngest.ContextSync, trace: Trace) -> Callable[[], list[object]]:
    return lambda: play(program, ctx, trace)


async def play_async(program: Program, ctx: inngest.Context, trace: Trace) -> list[object]:
    """Run *program* in an async function."""
    values: list[object] = []
    for node in program:
        match node:
            case Run(step_id):
                values.append([await ctx.step.run(step_id, trace.run_async, name) for name in names(node)])
            case Nap(step_id):
                await ctx.step.sleep(step_id, 1000)
                values.append(None)
            case Fail(step_id):
                try:
                    await ctx.step.run(step_id, trace.fail, step_id)
                except inngest.StepError as error:
                    values.append(f"caught {error.message}")
            case Group(branches):
                values.append(list(await ctx.group.parallel([_branch_async(each, ctx, trace) for each in branches])))
    return values


def _branch_async(program: Program, ctx: inngest.Context, trace: Trace) -> Callable[[], Awaitable[list[object]]]:
    return lambda: play_async(program, ctx, trace)


def result(program: Program) -> list[object]:
    """Return what *program* returns in the end."""
    values: list[object] = []
    for node in program:
        match node:
            case Run():
                values.append(list(names(node)))
            case Nap():
                values.append(None)
            case Fail(step_id):
                values.append(f"caught {step_id}")
            case Group(branches):
                values.append([result(branch) for branch in branches])
    return values


def executed(program: Program) -> list[str]:
    """Return the names of all steps that *program* executes."""
    found: list[str] = []
    for node in program:
        match node:
            case Run():
                found.extend(names(node))
            case Nap():
                pass
            case Fail(step_id):
                found.append(step_id)
            case Group(branches):
                found.extend(name for branch in branches for name in executed(branch))
    return found


def frontier(program: Program, done: Iterable[str]) -> dict[str, Node]:
    """Return the steps that *program* meets next, by hashed id, once those in *done* are done; none: it returns."""
    done = set(done)
    for node in program:
        match node:
            case Run():
                left = [name for name in names(node) if hashed(name) not in done]
                found: dict[str, Node] = {hashed(left[0]): node} if left else {}
            case Nap(step_id) | Fail(step_id):
                found = {} if hashed(step_id) in done else {hashed(step_id): node}
            case Group(branches):
                found = {}
                for branch in branches:
                    found.update(frontier(branch, done))
        if found:
            return found
    return {}


def memo(node: Node, hashed_id: str) -> object:
    """Return the memo that an engine has of a step that is done."""
    match node:
        case Run():
            return {"data": next(name for name in names(node) if hashed(name) == hashed_id)}
        case Nap():
            return None
        case Fail(step_id):
            return {"error": {"name": "ValueError", "message": step_id}}
        case Group():
            raise AssertionError("a group has no memo")


def _numbered(program: Program, prefix: str) -> Program:
    """Give every step of *program* an id of its own."""
    nodes: list[Node] = []
    for number, node in enumerate(program):
        name = f"{prefix}{number}"
        match node:
            case Run(_, times):
                nodes.append(Run(name, times))
            case Nap():
                nodes.append(Nap(name))
            case Fail():
                nodes.append(Fail(name))
            case Group(branches):
                nodes.append(Group(tuple(_numbered(each, f"{name}.{at}.") for at, each in enumerate(branches))))
    return tuple(nodes)


_STEPS: strategies.SearchStrategy[Node] = strategies.one_of(
    strategies.builds(Run, strategies.just(""), strategies.integers(1, 3)),
    strategies.just(Nap("")),
    strategies.just(Fail("")),
)


def _sequences(nodes: strategies.SearchStrategy[Node]) -> strategies.SearchStrategy[Program]:
    return strategies.lists(nodes, max_size=3).map(tuple)


def _groups(nodes: strategies.SearchStrategy[Node]) -> strategies.SearchStrategy[Node]:
    return strategies.builds(Group, strategies.lists(_sequences(nodes), max_size=3).map(tuple))


def _named(program: Program) -> Program:
    return _numbered(program, "s")


PROGRAMS: strategies.SearchStrategy[Program] = _sequences(strategies.recursive(_STEPS, _groups, max_leaves=8)).map(
    _named
)
