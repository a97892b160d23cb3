"""Random programs in plain asyncio over something that runs a named piece of work: a step, or the work itself.

So one program runs as any asyncio program does, and as a durable function, and both must come to the same.
"""

from __future__ import annotations

import asyncio
import enum
import functools
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies

Work = Callable[[str], Awaitable[str]]
"""Does one piece of work once and returns its name; one whose name ends in "!" fails with an exception instead."""


Branch = Callable[[], Coroutine[Any, Any, list[object]]]


class Way(enum.Enum):
    """How branches run side by side."""

    GATHER = "gather"
    GATHER_ALL = "gather, with exceptions as results"
    TASK_GROUP = "TaskGroup"
    AS_COMPLETED = "as_completed"
    WAIT = "wait"
    FIRST = "wait for the first, do something about it, then wait for the rest"
    SEMAPHORE = "gather, two at a time"
    QUEUE = "two workers and a queue"
    LATE = "tasks that are awaited after something else"


@dataclass(frozen=True)
class Do:
    """One piece of work. fails: it does, and is caught. turns: of the loop before it."""

    name: str = ""
    fails: bool = False
    turns: int = 0


@dataclass(frozen=True)
class Side:
    """Branches side by side. timed: under a time-out that does not pass."""

    branches: tuple[Program, ...]
    way: Way
    timed: bool = False
    name: str = ""


Node = Do | Side
Program = tuple[Node, ...]


async def play(program: Program, work: Work) -> list[object]:
    """Run *program*; the result does not depend on the order in which pieces of work are done."""
    values: list[object] = []
    for node in program:
        match node:
            case Do():
                values.append(await _do(node, work))
            case Side(timed=True):
                async with asyncio.timeout(60):
                    values.append(await _side_by_side(node, work))
            case Side():
                values.append(await _side_by_side(node, work))
    return values


async def _do(node: Do, work: Work) -> str:
    for _ in range(node.turns):
        await asyncio.sleep(0)
    try:
        return await work(node.name + "!" * node.fails)
    except Exception as error:
        return f"caught {error}"


async def _side_by_side(node: Side, work: Work) -> object:
    branches: list[Branch] = [functools.partial(play, branch, work) for branch in node.branches]
    match node.way:
        case Way.GATHER:
            return await asyncio.gather(*(branch() for branch in branches))
        case Way.GATHER_ALL:
            bad = _do_uncaught(f"{node.name}bad!", work)
            values = await asyncio.gather(bad, *(branch() for branch in branches), return_exceptions=True)
            return [str(value) for value in values]
        case Way.TASK_GROUP:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(branch()) for branch in branches]
            return [task.result() for task in tasks]
        case Way.AS_COMPLETED:
            return sorted([str(await each) for each in asyncio.as_completed([branch() for branch in branches])])
        case Way.WAIT:
            done, _ = await asyncio.wait([asyncio.create_task(branch()) for branch in [*branches, _nothing]])
            return sorted(str(task.result()) for task in done)
        case Way.FIRST:
            return await _first(node, branches, work)
        case Way.SEMAPHORE:
            semaphore = asyncio.Semaphore(2)
            return await asyncio.gather(*(_under(semaphore, branch) for branch in branches))
        case Way.QUEUE:
            return await _queue(branches)
        case Way.LATE:
            tasks = [asyncio.create_task(branch()) for branch in branches]
            between = await work(f"{node.name}between")
            return [between, *[await task for task in reversed(tasks)]]


async def _do_uncaught(name: str, work: Work) -> str:
    return await work(name)


async def _nothing() -> list[object]:
    return []


async def _under(semaphore: asyncio.Semaphore, branch: Branch) -> list[object]:
    async with semaphore:
        return await branch()


async def _first(node: Side, branches: list[Branch], work: Work) -> object:
    tasks = [asyncio.create_task(branch()) for branch in branches]
    if not tasks:
        return []
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    winner = min(tasks.index(task) for task in done)
    about = await work(f"{node.name}won by~{winner}")
    await asyncio.gather(*left)
    return [about.partition("~")[0], [task.result() for task in tasks]]


async def _queue(branches: list[Branch]) -> object:
    queue = asyncio.Queue[Branch](maxsize=1)
    results: list[str] = []

    async def worker() -> None:
        while True:
            branch = await queue.get()
            results.append(str(await branch()))
            queue.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(2)]
    for branch in branches:
        await queue.put(branch)
    await queue.join()
    for task in workers:
        task.cancel()
    await asyncio.wait(workers)
    return sorted(results)


def _named(program: Program, prefix: str = "s") -> Program:
    """Give every piece of work an id of its own."""
    nodes: list[Node] = []
    for number, node in enumerate(program):
        name = f"{prefix}{number}"
        match node:
            case Do(_, fails, turns):
                nodes.append(Do(name, fails, turns))
            case Side(branches, way, timed):
                inner = tuple(_named(branch, f"{name}.{at}.") for at, branch in enumerate(branches))
                nodes.append(Side(inner, way, timed, name))
    return tuple(nodes)


_WORK: strategies.SearchStrategy[Node] = strategies.builds(
    Do, fails=strategies.sampled_from([False, False, False, True]), turns=strategies.sampled_from([0, 0, 1, 5])
)


def _sequences(nodes: strategies.SearchStrategy[Node]) -> strategies.SearchStrategy[Program]:
    return strategies.lists(nodes, max_size=3).map(tuple)


def _sides(nodes: strategies.SearchStrategy[Node]) -> strategies.SearchStrategy[Node]:
    branches = strategies.lists(_sequences(nodes), max_size=3).map(tuple)
    return strategies.builds(Side, branches, strategies.sampled_from(Way), strategies.booleans())


ASYNC_PROGRAMS: strategies.SearchStrategy[Program] = _sequences(strategies.recursive(_WORK, _sides, max_leaves=8)).map(
    _named
)
