"""An engine, an app and what its functions do: the stage of every test here."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import inngest
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
from tests.cases.case import HandlerKind
from tests.stage.bodies import Body, Script, branch, handler
from tests.stage.effects import Effects, News

from .engine_client import EngineClient
from .framework_apps import PATH, Framework, make_app, serving

SHORT = 0.005
"""Seconds before the first retry."""

_silent = logging.getLogger("tests.end_to_end")
_silent.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Kind:
    """What an app is made of."""

    framework: Framework
    handlers: HandlerKind

    def __str__(self) -> str:
        return f"{self.framework}-{self.handlers}"


EVERY_KIND = [Kind(framework, handlers) for framework in Framework for handlers in HandlerKind]
NATIVE_KINDS = [Kind(Framework.FLASK, HandlerKind.SYNC), Kind(Framework.STARLETTE, HandlerKind.ASYNC)]
TWO_BY_TWO = [
    Kind(framework, handlers) for framework in (Framework.FLASK, Framework.STARLETTE) for handlers in HandlerKind
]


class Console:
    """The engine's lines for the terminal. ends: tells of runs that ended; news: of every line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.news, self.ends = News(), News()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.news.tell()
        if any(f" run {status}" in line for status in ("completed", "failed", "cancelled")):
            self.ends.tell()

    def said(self, text: str) -> str:
        """Wait for a line with *text* in it; return it."""
        return self.news.until(lambda: next((line for line in self.lines if text in line), None), text)


class Stage:
    """Defines functions with `function`, and notes in `effects` what they did. Knows no engine."""

    def __init__(self, kind: Kind, **client: Any) -> None:
        self.kind = kind
        self.news = News()
        self.effects = Effects(self.news)
        self.did = self.effects.did
        usual: dict[str, Any] = {"app_id": "app", "is_production": False, "logger": _silent}
        self.client = inngest.Inngest(**(usual | client))
        self.functions: list[inngest.Function[Any]] = []

    def function(self, *events: str, **options: Any) -> Callable[[Body], inngest.Function[Any]]:
        """Define a function whose id is the name of its body, started by the events."""

        def define(body: Body) -> inngest.Function[Any]:
            triggers = [inngest.TriggerEvent(event=event) for event in events]
            options.setdefault("fn_id", body.__name__)
            on_failure = options.pop("on_failure", None)
            if on_failure is not None:
                options["on_failure"] = handler(on_failure, self.kind.handlers)
            create = self.client.create_function(trigger=options.pop("trigger", triggers), **options)
            function = create(handler(body, self.kind.handlers))
            self.functions.append(function)
            return function

        return define

    def branch(self, script: Callable[..., Script], *args: Any) -> Callable[[], Any]:
        return branch(self.kind.handlers, script, *args)

    def ran(self, step: Any, name: str) -> Callable[[], Any]:
        """Return a branch of one step of that name, which returns the name."""
        return lambda: step.run(name, self.did, name, name)


class World(Stage):
    """Bring the app `up`, then use `engine` and look at `effects`."""

    def __init__(self, kind: Kind, server: DevServer, console: Console, **client: Any) -> None:
        super().__init__(kind, **{"api_base_url": server.origin, "event_api_base_url": server.origin, **client})
        self.server = server
        self.console = console
        self.engine = EngineClient(server.origin, console.ends)

    @contextlib.contextmanager
    def app(self, port: int = 0) -> Generator[str, None, None]:
        """Serve the functions; yield the app's serve URL. Nothing is registered."""
        app = make_app(self.kind.framework, self.client, self.functions)
        with serving(self.kind.framework, app, port) as origin:
            yield origin + PATH

    @contextlib.contextmanager
    def up(self, port: int = 0) -> Generator[str, None, None]:
        """Serve and register."""
        with self.app(port) as url:
            self.server.register_and_wait(url, 60)
            yield url

    def close(self) -> None:
        self.engine.__exit__()
        self.client.close()


@contextlib.contextmanager
def running_engine(console: Console, port: int = 0, **options: Any) -> Generator[DevServer, None, None]:
    usual = Options(sink=console, retry_interval=SHORT)
    with DevServer(dataclasses.replace(usual, **options), port=port) as server:
        yield server


@contextlib.contextmanager
def new_world(kind: Kind, client: Mapping[str, Any] | None = None, **options: Any) -> Generator[World, None, None]:
    """Start an engine and make a world around it; at the end hold it to what must always be true.

    client: options of the client; the others are the engine's.
    """
    console = Console()
    with running_engine(console, **options) as server:
        world = World(kind, server, console, **(client or {}))
        try:
            yield world
        finally:
            world.close()
    world.effects.check()
