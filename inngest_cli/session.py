"""One run of an engine with the user's apps beside it, and what the user should know about both.

Starts them, connects them and stops them again; it contains no engine logic.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from inngest_core.protocol.wire import VERSION
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.ping import POLL_SECONDS
from inngest_devserver.engine import Options
from inngest_devserver.hosting.endpoints import HostError
from inngest_devserver.hosting.host import AppHost
from inngest_devserver.server import ANYWHERE, LOOPBACK, DevServer
from inngest_devserver.storage.database import FileUnusableError

from .defaults import DEFAULT_PORT
from .engine_options import DevOptions
from .errors import CommandError

_SELF_HOSTED_POLL_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds before an app that has ended is started again."""


class Session:
    """One run of the command."""

    def __init__(self, options: DevOptions) -> None:
        self._options = options
        self._server = DevServer(
            _engine_options(options),
            host=options.host,
            port=options.port,
            allowed_hosts=options.allowed_hosts,
            token=options.token,
            mcp=options.mcp,
            may_write=options.may_write,
        )
        self._hosts: dict[str, AppHost] = {}
        self._is_stopping = False
        self._shown: set[str] = set()
        self._changes: dict[str, asyncio.Queue[None]] = {}
        """For each app of which the code is watched, something when that has changed."""

    async def run(self) -> None:
        """Start everything, show it, and run until the only app ends or the task is cancelled."""
        await self._start_engine()
        try:
            telling = await self._watch_code() if self._options.reload else None
            await self._start_apps()
            urls = [url for host in self._hosts.values() for url in host.serve_urls]
            if telling is not None:
                watching = [self._reload(telling)]
            else:
                watching = [self._watch(target) for target in self._options.targets]
            await asyncio.gather(self._register([*urls, *self._options.urls]), *watching)
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
        mode = "self-hosted" if options.is_self_hosted else "dev mode"
        where = options.persist and (options.persist.absolute() if options.is_self_hosted else options.persist)
        kept = f"keeps runs in {where}" if where else "keeps runs in memory"
        say(f"inngest {VERSION}")
        say(f"  engine  {self._server.origin}  ({mode}, {kept})")
        if options.mcp:
            say(f"  mcp     {self._server.origin}/mcp  ({'may change runs' if options.may_write else 'only looks'})")
        for line in self._about_access():
            say(f"  {line}")

    def _about_access(self) -> Iterator[str]:
        options, token = self._options, self._server.token
        if token is not None and options.token is None:
            yield f"token   {token}  (for what manages the engine: INNGEST_TOKEN={token} inngest runs; in a browser,"
            yield f"        {self._server.origin}/?token={token})"
        if options.host in LOOPBACK or options.is_self_hosted:
            return
        yield (
            f"warning: --host {options.host} lets other machines send events to this engine and register apps, "
            "without any key; `inngest start` asks for keys"
        )
        if options.host in ANYWHERE and not options.allowed_hosts:
            yield "warning: it answers to localhost only; say by which names others reach it, with --allowed-host NAME"

    async def _start_apps(self) -> None:
        options = self._options
        if not options.targets and not options.urls and not options.is_self_hosted:
            say("  no app: name one, as in inngest dev module:app, or give the -u URL of one that runs")
        try:
            await asyncio.gather(*(self._start_app(target) for target in options.targets))
        except HostError as error:
            raise CommandError(str(error)) from None

    async def _start_app(self, target: str) -> AppHost:
        options = self._options
        host = AppHost(
            target,
            engine_origin=self._server.origin,
            port=options.app_port,
            path=options.path,
            environ=_environ(options),
            is_self_hosted=options.is_self_hosted,
            on_output=self._server.engine.output.add,
        )
        self._hosts[target] = host
        await host.start()
        self._server.engine.event_types.tell(target, host.event_types)
        for url in host.serve_urls:
            say(f"  app     {url}  ({target})")
        for warning in [*host.warnings, *_mode_warnings(host, is_self_hosted=options.is_self_hosted)]:
            say(f"  warning: {warning}")
        return host

    async def _register(self, urls: list[str]) -> None:
        """Have every app register as soon as it can, and show its functions."""
        for task in asyncio.as_completed([self._server.register(url) for url in urls]):
            await task
            self._show_functions()
        if self._options.poll:
            for url in self._options.urls:
                self._server.poll(url, _SELF_HOSTED_POLL_SECONDS if self._options.is_self_hosted else POLL_SECONDS)
        if urls:
            say(f"  ready: {self._how_to_send()}")
        await asyncio.Event().wait()

    async def _watch(self, target: str) -> None:
        """Start an app again that ends, after a pause; the engine ends with an app that is the only one."""
        pause = _FIRST_PAUSE
        while True:
            code = await self._hosts[target].wait()
            if self._is_stopping:
                return
            if len(self._options.targets) == 1:
                raise CommandError(f"the app {target} ended with exit code {code}")
            say(f"the app {target} ended with exit code {code}; it is started again in {pause:.0f} s")
            await asyncio.sleep(pause)
            try:
                host = await self._start_app(target)
            except HostError as error:
                say(f"the app {target} cannot be started: {error}")
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE
                for url in host.serve_urls:
                    self._server.register(url)

    async def _watch_code(self) -> asyncio.Task[None]:
        """Watch the code from now on: no change is missed that is made while the apps are imported."""
        self._changes = {target: asyncio.Queue(1) for target in self._options.targets}
        telling = asyncio.create_task(_tell_of_changes(list(self._changes.values())))
        await asyncio.sleep(0)  # it watches when it waits for the first time
        return telling

    async def _reload(self, telling: asyncio.Task[None]) -> None:
        """Start the apps anew whenever their code changes. The engine goes on, and with it whatever sleeps or waits."""
        restarting = [self._start_anew_on_changes(target, changed) for target, changed in self._changes.items()]
        await asyncio.gather(telling, *restarting)

    async def _start_anew_on_changes(self, target: str, changed: asyncio.Queue[None]) -> None:
        while True:
            ended = asyncio.ensure_future(self._hosts[target].wait())
            change = asyncio.ensure_future(changed.get())
            await asyncio.wait({ended, change}, return_when=asyncio.FIRST_COMPLETED)
            if self._is_stopping:
                return
            if not change.done():
                say(f"the app {target} ended with exit code {ended.result()}; it is started when the code changes")
                await change
            ended.cancel()
            say(f"the code changed; the app {target} is started anew")
            await self._hosts[target].stop()
            try:
                host = await self._start_app(target)
            except HostError as error:
                say(f"the app {target} cannot be started: {error}; it is tried again when the code changes")
            else:
                for url in host.serve_urls:
                    self._server.register(url)

    async def _stop(self) -> None:
        self._is_stopping = True
        await asyncio.gather(*(host.stop() for host in self._hosts.values()), self._server.stop())

    def _show_functions(self) -> None:
        functions = [one for one in self._server.engine.registry.functions() if one.slug not in self._shown]
        width = max((len(one.slug) for one in functions), default=0)
        for one in functions:
            self._shown.add(one.slug)
            say(f"    {one.slug:{width}}  {describe_triggers(one)}")
        if not self._shown:
            say("    no functions: give some to serve()")

    def _how_to_send(self) -> str:
        where = "" if self._server.port == DEFAULT_PORT else f" --url {self._server.origin}"
        functions = self._server.engine.registry.functions()
        names = [
            trigger.event for one in functions for trigger in one.triggers if not trigger.event.startswith("inngest/")
        ]
        name = next((name for name in names if name and "*" not in name), "NAME")
        return f"inngest send {shlex.quote(name)} '{{}}'{where}"


async def _tell_of_changes(queues: Sequence[asyncio.Queue[None]]) -> None:
    """Put something into each queue that is empty, whenever a Python file below the current directory changes."""
    # It takes its time to import, and most sessions do without. Its types name trio, which is not installed.
    from watchfiles import PythonFilter, awatch  # pyright: ignore[reportUnknownVariableType]

    async for _ in awatch(Path.cwd(), watch_filter=PythonFilter()):
        for each in queues:
            with contextlib.suppress(asyncio.QueueFull):
                each.put_nowait(None)


def _engine_options(options: DevOptions) -> Options:
    if options.persist is not None:
        try:
            options.persist.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = f"its directory cannot be made: {error.strerror} ({error.filename})"
            raise CommandError(f"--persist {options.persist} cannot be used: {why}") from None
    defaults = Options()
    return Options(
        persist=options.persist,
        signing_key=options.signing_key,
        signing_key_fallback=options.signing_key_fallback,
        event_keys=options.event_keys,
        keep=options.keep or defaults.keep,
        mask=options.mask,
        retry_interval=defaults.retry_interval if options.retry_interval is None else options.retry_interval,
        server_kind="cloud" if options.is_self_hosted else defaults.server_kind,
        sink=None if options.quiet else say,
    )


def _environ(options: DevOptions) -> Mapping[str, str]:
    """Return the environment of the apps that are run: they have the keys of the engine, but not its token."""
    environ = {name: value for name, value in os.environ.items() if name != "INNGEST_TOKEN"}
    if options.event_keys:
        environ["INNGEST_EVENT_KEY"] = options.event_keys[0]
    if options.signing_key:
        environ["INNGEST_SIGNING_KEY"] = options.signing_key
    if options.signing_key_fallback:
        environ["INNGEST_SIGNING_KEY_FALLBACK"] = options.signing_key_fallback
    return environ


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


def _mode_warnings(host: AppHost, *, is_self_hosted: bool) -> Iterator[str]:
    modes = {endpoint.mode for endpoint in host.endpoints}
    if "cloud" in modes and not is_self_hosted:
        yield "the app is in cloud mode and refuses a dev engine; pass is_production=False, and unset INNGEST_DEV"
    if "dev" in modes and is_self_hosted:
        yield "the app is in dev mode and refuses a self-hosted engine; leave is_production out, and unset INNGEST_DEV"


def say(line: str) -> None:
    """Print at once; a reader that has gone away must not end any run."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
