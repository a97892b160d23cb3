"""Runs programs as bodies of functions of both kinds, and as plain asyncio without any step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import inngest
from tests.cases.case import HandlerKind

from .bodies import Script, branch, drive_async
from .effects import Effects
from .programs import Group, Nap, Node, Program, Run, Try, Way, names

Branch = Callable[[], Coroutine[Any, Any, list[object]]]


class Steps(Protocol):
    """What a program does its work with; gives values in a sync function, awaitables in an async one."""

    def run(self, step_id: str, name: str, node: Run) -> Any: ...
    def nap(self, node: Nap) -> Any: ...
    def parallel(self, branches: list[Callable[[], Any]], *, race: bool) -> Any: ...


@dataclass(frozen=True, slots=True)
class DurableSteps:
    """The steps of a function; their callbacks are counted in *effects*."""

    kind: HandlerKind
    ctx: Any
    effects: Effects

    def run(self, step_id: str, name: str, node: Run) -> Any:
        awaits = node.awaits and self.kind is HandlerKind.ASYNC
        callback: Any = self.effects.afails if awaits else self.effects.fails
        return self.ctx.step.run(step_id, callback, name, node.failures)

    def nap(self, node: Nap) -> Any:
        return self.ctx.step.sleep(node.step_id, node.ms)

    def parallel(self, branches: list[Callable[[], Any]], *, race: bool) -> Any:
        mode = inngest.ParallelMode.RACE if race else inngest.ParallelMode.WAIT
        return self.ctx.group.parallel(branches, parallel_mode=mode)


@dataclass(frozen=True, slots=True)
class PlainWork:
    """The same work in an asyncio program without any step."""

    effects: Effects

    def run(self, step_id: str, name: str, node: Run) -> Awaitable[str]:
        return self.effects.afails(name, node.failures)

    def nap(self, node: Nap) -> Awaitable[None]:
        return asyncio.sleep(0)

    def parallel(self, branches: list[Callable[[], Any]], *, race: bool) -> Awaitable[list[Any]]:
        raise AssertionError("there is no ctx.group.parallel without steps")


@dataclass(frozen=True, slots=True)
class Player:
    """Plays programs with steps of that kind.

    What is returned does not depend on the order in which steps are done.
    """

    kind: HandlerKind
    steps: Steps

    def play(self, program: Program) -> Script:
        values: list[object] = []
        for node in program:
            value = yield from self._visit(node)
            values.append(value)
        return values

    def _visit(self, node: Node) -> Script:
        match node:
            case Run():
                return (yield from self._run(node))
            case Nap():
                return (yield self.steps.nap(node))
            case Try(body, mend):
                try:
                    return (yield from self.play(body))
                except (inngest.StepError, ValueError) as error:
                    message = str(error)
                return [message, (yield from self.play(mend))]
            case Group(branches, Way.PARALLEL | Way.RACE as way):
                calls = [branch(self.kind, self.play, each) for each in branches]
                together = self.steps.parallel(calls, race=way is Way.RACE)
                return list((yield _within(together, timed=node.timed) if self.kind is HandlerKind.ASYNC else together))
            case Group(branches):
                tasks = SideBySide(node, [branch(HandlerKind.ASYNC, self.play, each) for each in branches], self.steps)
                return (yield _within(tasks.run(), timed=node.timed))

    def _run(self, node: Run) -> Script:
        values: list[object] = []
        if self.kind is HandlerKind.ASYNC:
            yield _turns(node.turns)
        for name in names(node):
            value = yield self.steps.run(node.step_id, name, node)
            values.append(value)
        return values


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _within(work: Awaitable[Any], *, timed: bool) -> Any:
    async with asyncio.timeout(60 if timed else None):
        return await work


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Branches in one of asyncio's own ways."""

    node: Group
    branches: list[Branch]
    steps: Steps

    async def run(self) -> object:
        branches = self.branches
        match self.node.way:
            case Way.GATHER:
                return await asyncio.gather(*(each() for each in branches))
            case Way.GATHER_ALL:
                values = await asyncio.gather(
                    self._work("bad", failures=1), *(each() for each in branches), return_exceptions=True
                )
                return [str(value) for value in values]
            case Way.TASK_GROUP:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(each()) for each in branches]
                return [task.result() for task in tasks]
            case Way.AS_COMPLETED:
                return sorted([str(await done) for done in asyncio.as_completed([each() for each in branches])])
            case Way.WAIT:
                done, _ = await asyncio.wait([asyncio.create_task(each()) for each in [*branches, _nothing]])
                return sorted(str(task.result()) for task in done)
            case Way.FIRST:
                return await self._first() if branches else []
            case Way.SEMAPHORE:
                semaphore = asyncio.Semaphore(2)
                return await asyncio.gather(*(_under(semaphore, each) for each in branches))
            case Way.QUEUE:
                return await _queue(branches)
            case Way.LATE:
                tasks = [asyncio.create_task(each()) for each in branches]
                between = await self._work("between")
                return [between, *[await task for task in reversed(tasks)]]
            case Way.PARALLEL | Way.RACE as way:
                raise AssertionError(f"{way} is not asyncio's own")

    def _work(self, what: str, *, id_only: str = "", failures: int = 0) -> Awaitable[str]:
        name = f"{self.node.name}{what}"
        step: Awaitable[str] = self.steps.run(name + id_only, name, Run(failures=failures, awaits=True))
        return step

    async def _first(self) -> object:
        tasks = [asyncio.create_task(each()) for each in self.branches]
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        winner = min(tasks.index(task) for task in done)
        about = await self._work("won by", id_only=f" {winner}")
        await asyncio.gather(*left)
        return [about, [task.result() for task in tasks]]


async def _nothing() -> list[object]:
    return []


async def _under(semaphore: asyncio.Semaphore, work: Branch) -> list[object]:
    async with semaphore:
        return await work()


async def _queue(branches: list[Branch]) -> object:
    queue = asyncio.Queue[Branch](maxsize=1)
    results: list[str] = []

    async def worker() -> None:
        while True:
            work = await queue.get()
            results.append(str(await work()))
            queue.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(2)]
    for each in branches:
        await queue.put(each)
    await queue.join()
    for task in workers:
        task.cancel()
    await asyncio.wait(workers)
    return sorted(results)


async def play_plainly(program: Program, effects: Effects) -> list[object]:
    """Run *program* as any asyncio program."""
    result: list[object] = await drive_async(Player(HandlerKind.ASYNC, PlainWork(effects)).play(program))
    return result
