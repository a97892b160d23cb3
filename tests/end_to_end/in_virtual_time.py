"""An app of a framework and an engine of the testing kit: what needs no socket and no process, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator, Mapping
from typing import Any

import inngest
from inngest import testing

from .framework_apps import make_app
from .world import Kind, Stage


class InProcess(Stage):
    """Bring the app `up`, then `run` its functions and look at `effects`."""

    engine: testing.Engine

    @contextlib.contextmanager
    def up(self) -> Generator[testing.Engine]:
        """Have an engine call the app, as live: what a step gives is saved while the call goes on."""
        app = make_app(self.kind.framework, self.client, self.functions)
        with testing.Engine(app, replay=False) as self.engine:
            yield self.engine

    def send(self, name: str, data: Mapping[str, Any] | None = None) -> inngest.Event:
        return self.engine.send(inngest.Event(name=name, data=dict(data or {})))

    def ended(self, event: inngest.Event) -> testing.Result[Any]:
        """Let time pass until the one run that an event has started is over."""
        (run,) = self.engine.runs_of(event)
        return self.engine.wait(run)

    def run(self, name: str, data: Mapping[str, Any] | None = None) -> testing.Result[Any]:
        """Send an event, and let time pass until the one run that it starts is over."""
        return self.ended(self.send(name, data))

    def run_side_by_side(self, name: str, data: Mapping[str, Any] | None = None) -> testing.Result[Any]:
        """As `run`, without `up`: on an engine whose calls do not wait for each other, each of a `def` in a thread."""
        app = make_app(self.kind.framework, self.client, self.functions)

        async def run() -> testing.Result[Any]:
            async with testing.AsyncEngine(app, replay=False) as engine:
                event = await engine.send(inngest.Event(name=name, data=dict(data or {})))
                (started,) = engine.runs_of(event)
                return await engine.wait(started)

        return asyncio.run(run())

    def mourned(self) -> list[testing.Result[Any]]:
        """Let everything happen that is due; return the runs of `on_failure` handlers."""
        self.engine.settle()
        return [run for run in self.engine.runs() if run.function_id.endswith("-failure")]


@contextlib.contextmanager
def in_process(kind: Kind) -> Generator[InProcess]:
    """Make a stage; at the end hold it to what must always be true."""
    stage = InProcess(kind)
    with stage.client:
        yield stage
    stage.effects.check()


def failure(run: testing.Result[Any]) -> tuple[str, str]:
    """Return the name and the message of what a run has failed with."""
    error = run.error
    assert error is not None
    return (error.name, error.message) if isinstance(error, inngest.StepError) else (type(error).__name__, str(error))
