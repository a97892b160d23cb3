"""`inngest dev`: an engine, the user's app beside it, and what the user should know about both. Ends on a signal.

It starts both, connects them and stops them again; it contains no engine logic.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import signal
import sys
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inngest_core.protocol.wire import VERSION
from inngest_devserver.apps.functions import Function
from inngest_devserver.engine import Options
from inngest_devserver.hosting.endpoints import HostError
from inngest_devserver.hosting.host import AppHost
from inngest_devserver.server import DevServer
from inngest_devserver.storage.database import FileUnusableError
from inngest_devserver.storage.retention import Keep

from .defaults import DEFAULT_PORT, LOOPBACK
from .errors import CommandError, UsageError
from .remote import is_url


@dataclass(frozen=True, slots=True)
class DevOptions:
    """The options of the command.

    target: the app to run, or None. urls: of apps that run elsewhere. port, app_port: 0 takes any free one.
    """

    target: str | None = None
    urls: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    persist: Path | None = None
    path: str | None = None
    app_port: int = 0
    retry_interval: float | None = None
    keep: Keep | None = None
    poll: bool = True
    quiet: bool = False
    signing_key: str | None = None
    event_key: str | None = None


def dev(options: DevOptions) -> int:
    """Run until a signal comes; return 0. Raises CommandError and UsageError."""
    _check(options)
    # uvicorn warns of every upgrade to a protocol that it does not speak; the client is told, which is enough.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return asyncio.run(_until_signal(_Session(options).run()))


def _check(options: DevOptions) -> None:
    for url in options.urls:
        if not is_url(url):
            raise UsageError(f"-u {url!r} is not a URL; write it as in http://127.0.0.1:5000/api/inngest")
    if options.target is None:
        for name, given in (("--path", options.path is not None), ("--app-port", options.app_port != 0)):
            if given:
                raise UsageError(
                    f"{name} is about an app that this command runs; name one, as in inngest dev module:app"
                )
        if options.persist is not None and ":" in str(options.persist):
            raise UsageError(f"--persist took {str(options.persist)!r} for its FILE; put module:app before --persist")


async def _until_signal(work: Coroutine[Any, Any, None]) -> int:
    """Run *work* until it ends or a signal comes; then let it clean up."""
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(ending.wait())

    def end(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(ending.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, ending.set)
        except NotImplementedError:  # on Windows
            signal.signal(number, end)
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()
    return 0


class _Session:
    """One run of the command."""

    def __init__(self, options: DevOptions) -> None:
        self._options = options
        self._server = DevServer(_engine_options(options), host=options.host, port=options.port)
        self._host: AppHost | None = None
        self._shown: set[str] = set()

    async def run(self) -> None:
        """Start everything, show it, and run until the app ends or the task is cancelled."""
        await self._start_engine()
        try:
            await self._start_app()
            urls = [*(self._host.serve_urls if self._host else ()), *self._options.urls]
            await asyncio.gather(self._register(urls), self._watch_app())
        finally:
            await self._stop()

    async def _start_engine(self) -> None:
        options = self._options
        try:
            await self._server.start()
        except FileUnusableError as error:
            raise CommandError(f"--persist {options.persist} cannot be used: {error}") from None
        except OSError as error:
            raise CommandError(
                f"the engine cannot listen on {options.host} port {options.port}: {error.strerror or error}; "
                "choose another with --port, or 0 for any free one"
            ) from None
        kept = f"keeps runs in {options.persist}" if options.persist else "keeps runs in memory"
        _print(f"inngest {VERSION}")
        _print(f"  engine  {self._server.origin}  (dev mode, {kept})")
        if options.host not in LOOPBACK:
            _print(f"  warning: --host {options.host} lets other machines use this engine, without any key")

    async def _start_app(self) -> None:
        options = self._options
        if options.target is None:
            if not options.urls:
                _print("  no app: name one, as in inngest dev module:app, or give the -u URL of one that runs")
            return
        origin = self._server.origin
        self._host = AppHost(options.target, engine_origin=origin, port=options.app_port, path=options.path)
        try:
            await self._host.start()
        except HostError as error:
            raise CommandError(str(error)) from None
        for url in self._host.serve_urls:
            _print(f"  app     {url}  ({options.target})")
        for warning in [*self._host.warnings, *_mode_warnings(self._host)]:
            _print(f"  warning: {warning}")

    async def _register(self, urls: list[str]) -> None:
        """Have every app register as soon as it can, and show its functions."""
        for task in asyncio.as_completed([self._server.register(url) for url in urls]):
            await task
            self._show_functions()
        if self._options.poll:
            for url in self._options.urls:
                self._server.poll(url)
        if urls:
            _print(f"  ready: {self._how_to_send()}")
        await asyncio.Event().wait()

    async def _watch_app(self) -> None:
        if self._host is None:
            return
        code = await self._host.wait()
        raise CommandError(f"the app {self._options.target} ended with exit code {code}")

    async def _stop(self) -> None:
        host = self._host.stop() if self._host else asyncio.sleep(0)
        await asyncio.gather(host, self._server.stop())

    def _show_functions(self) -> None:
        functions = [one for one in self._server.engine.registry.functions() if one.slug not in self._shown]
        width = max((len(one.slug) for one in functions), default=0)
        for one in functions:
            self._shown.add(one.slug)
            _print(f"    {one.slug:{width}}  {describe_triggers(one)}")
        if not self._shown:
            _print("    no functions: give some to serve()")

    def _how_to_send(self) -> str:
        where = "" if self._server.port == DEFAULT_PORT else f" --url {self._server.origin}"
        functions = self._server.engine.registry.functions()
        names = [
            trigger.event for one in functions for trigger in one.triggers if not trigger.event.startswith("inngest/")
        ]
        name = next((name for name in names if name and "*" not in name), "NAME")
        return f"inngest send {shlex.quote(name)} '{{}}'{where}"


def _engine_options(options: DevOptions) -> Options:
    if options.persist is not None:
        try:
            options.persist.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"--persist {options.persist} cannot be used: {error.strerror}") from None
    defaults = Options()
    return Options(
        persist=options.persist,
        signing_key=options.signing_key,
        event_keys=(options.event_key,) if options.event_key else (),
        keep=options.keep or defaults.keep,
        retry_interval=defaults.retry_interval if options.retry_interval is None else options.retry_interval,
        sink=None if options.quiet else _print,
    )


def describe_triggers(function: Function) -> str:
    """Return what starts *function*, for the user."""
    return ", ".join(_triggers(function)) or "invoked only"


def _triggers(function: Function) -> Iterator[str]:
    for trigger in function.triggers:
        condition = f" if {trigger.expression.text}" if trigger.expression else ""
        if trigger.cron:
            yield f"cron {trigger.cron}"
        elif trigger.event == "inngest/function.failed":
            yield f"failure of {function.slug.removesuffix('-failure')}"
        else:
            yield f"{trigger.event}{condition}"


def _mode_warnings(host: AppHost) -> Iterator[str]:
    if any(endpoint.mode == "cloud" for endpoint in host.endpoints):
        yield "the app is in cloud mode and refuses a dev engine; pass is_production=False, and unset INNGEST_DEV"


def _print(line: str) -> None:
    """Print at once; a reader that has gone away must not end any run."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
