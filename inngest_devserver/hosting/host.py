"""Runs a user's app in a process of its own, so that blocking user code cannot stall the engine.

`AppHost` is the engine's side: it starts `python -m inngest_devserver.hosting.host module:app` and waits for one
line of JSON, which says where the app listens and serves, or why it does not. The child's side loads the app, runs
it under uvicorn or waitress, and finds the serve paths by asking the running app. Parent and child hold the two ends
of a loopback connection: when it breaks, however the parent ended, the child ends. Standard streams are left to the
app; what is written to them is told to the parent, too. It uses loopback only, contains no engine logic, and never
reads the user's events.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from . import loading
from .app_servers import GRACE_SECONDS, SERVERS
from .channel import Channel, Line
from .endpoints import LOOPBACK, Endpoint, HostError, find_endpoints
from .event_schemas import event_types
from .import_strings import LoadError, explaining_failures, parse_target
from .log_output import show_logs
from .output import watch_output

CHANNEL_VARIABLE = "_INNGEST_HOST_CHANNEL"
_LONGEST_MESSAGE = 4 * 1024 * 1024
_LAST_WORDS_SECONDS = 5.0
"""For what an app that has ended may have written; one that has connected hangs up when it has written all of it."""
OnOutput = Callable[[str, Sequence[str], list[Line]], object]
"""Is told the target of an app, the ids of its apps, and lines that it wrote."""
_ORIGIN_VARIABLES = ("INNGEST_BASE_URL", "INNGEST_API_BASE_URL", "INNGEST_EVENT_API_BASE_URL")


class AppHost:
    """The engine's side: one app in one child process. Use it on one event loop; start once."""

    def __init__(
        self,
        target: str,
        *,
        engine_origin: str,
        port: int = 0,
        path: str | None = None,
        directory: Path | None = None,
        environ: Mapping[str, str] | None = None,
        is_self_hosted: bool = False,
        on_output: OnOutput | None = None,
    ) -> None:
        """Host the app that *target* names, as in "module:app".

        port: 0 takes any free one. path: where the app serves, instead of finding it.
        directory: where the app's modules are; the current one by default. is_self_hosted: the app is to be in cloud
        mode, as the engine asks for keys. on_output: is told the lines that the app writes, besides the terminal.
        """
        self.target = target
        self.app_ids: tuple[str, ...] = ()
        self.event_types: Mapping[str, Any] = {}
        self._on_output = on_output
        self.origin = ""
        self.endpoints: tuple[Endpoint, ...] = ()
        self._arguments = ["--port", str(port), *(["--path", path] if path else [])]
        self._directory = (directory or Path.cwd()).resolve()
        self._environ, self.warnings = child_environ(
            os.environ if environ is None else environ, engine_origin, is_self_hosted=is_self_hosted
        )
        self._process: asyncio.subprocess.Process | None = None
        self._lifeline: asyncio.StreamWriter | None = None

    @property
    def serve_urls(self) -> tuple[str, ...]:
        """The absolute URLs to register."""
        return tuple(self.origin + endpoint.path for endpoint in self.endpoints)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Return when the app serves; raises HostError. The app's output, tracebacks too, goes to the terminal."""
        try:
            report = await self._launch()
        except BaseException:
            await self.stop()
            raise
        if "failed" in report:
            await self.stop()
            raise HostError(str(report["failed"]))
        self.origin = f"http://{LOOPBACK}:{report['port']}"
        self.endpoints = tuple(Endpoint(**item) for item in report["endpoints"])
        self.app_ids, self.event_types = tuple(report["apps"]), report["event_types"]

    async def wait(self) -> int:
        """Return the exit code once the app's process has ended."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """End the app: ask, then after a short grace kill. May be called at any time, and again."""
        if self._lifeline is not None:
            self._lifeline.close()
        process = self._process
        if process is None or process.returncode is not None:
            return
        _signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE_SECONDS + 0.5):
                await process.wait()
        except TimeoutError:
            _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # which kills where there is no SIGKILL
            await process.wait()

    async def _launch(self) -> dict[str, Any]:
        """Start the child and return its report."""
        loop = asyncio.get_running_loop()
        token, report = secrets.token_hex(16), cast("asyncio.Future[dict[str, Any]]", loop.create_future())
        hung_up: asyncio.Future[Any] = loop.create_future()

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if (await reader.readline()).decode().strip() != token:
                writer.close()
                return
            self._lifeline = writer
            await self._listen(reader, report)
            if not hung_up.done():
                hung_up.set_result(None)

        door = await asyncio.start_server(greet, LOOPBACK, 0, limit=_LONGEST_MESSAGE)
        try:
            port = door.sockets[0].getsockname()[1]
            self._process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", "inngest_devserver.hosting.host", self.target, *self._arguments],
                cwd=self._directory,
                env={**self._environ, CHANNEL_VARIABLE: f"{port}:{token}"},
            )
            await self._report_or_end(report, self._process, hung_up)
        finally:
            door.close()
        return report.result()

    async def _listen(self, reader: asyncio.StreamReader, report: asyncio.Future[dict[str, Any]]) -> None:
        """Take the messages of the child until there are no more: its report, and what the app writes."""
        with contextlib.suppress(OSError, ValueError):  # the child has ended, or sends what is no message
            while line := await reader.readline():
                message: dict[str, Any] = json.loads(line)
                if "output" in message:
                    self._tell(message["output"])
                elif not report.done():
                    report.set_result(message)

    def _tell(self, lines: list[list[Any]]) -> None:
        if self._on_output is not None:
            self._on_output(self.target, self.app_ids, [Line(*line) for line in lines])

    async def _report_or_end(
        self, report: asyncio.Future[dict[str, Any]], process: asyncio.subprocess.Process, hung_up: asyncio.Future[Any]
    ) -> None:
        end = asyncio.ensure_future(process.wait())
        first: set[asyncio.Future[Any]] = {report, end}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if not report.done():  # what it wrote just before its end may still be on the way
                last_words = {report, hung_up}
                await asyncio.wait(last_words, timeout=_LAST_WORDS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()
        if not report.done():
            raise HostError(f"{self.target} ended with exit code {process.returncode} before it served")


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    """Send a signal; `Process.send_signal` might take the exit code away from whoever waits for it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def child_environ(
    environ: Mapping[str, str], engine_origin: str, *, is_self_hosted: bool = False
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the app's environment, which points it at the engine, and warnings where the user says otherwise."""
    child, warnings = {**environ, "PYTHONUNBUFFERED": "1"}, list[str]()
    mode = environ.get("INNGEST_DEV", "").strip().lower()
    if is_self_hosted:
        child["INNGEST_DEV"] = mode or "0"
        child["INNGEST_BASE_URL"] = environ.get("INNGEST_BASE_URL", "").strip() or engine_origin
    elif mode in ("", "1", "true"):
        child["INNGEST_DEV"] = engine_origin
    for name in ("INNGEST_DEV", *_ORIGIN_VARIABLES):
        value = child.get(name, "").strip()
        if is_self_hosted and name == "INNGEST_DEV" and value.lower() in ("0", "false"):
            continue
        if value and value.rstrip("/").replace("://localhost", f"://{LOOPBACK}") != engine_origin:
            warnings.append(
                f"{name}={value} is kept, so the app does not talk to this engine ({engine_origin}); unset it"
            )
    return child, tuple(warnings)


# The child's side.


def _listen(port: int) -> socket.socket:
    # asyncio turns off Nagle's delays only for sockets that name their protocol: 40 ms for each answer otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise HostError(f"the app cannot listen on port {port}: {error.strerror}; choose another --app-port") from None
    return listener


def run(target: str, port: int, path: str | None, channel: Channel) -> None:
    """Load and serve the app until told to stop; raises HostError."""
    try:
        with explaining_failures(target):
            loaded = loading.load(parse_target(target), Path.cwd())
    except LoadError as error:
        raise HostError(str(error)) from None
    listener = _listen(port)
    bound = listener.getsockname()[1]

    def announce() -> None:
        show_logs(served.client.logger for served in loaded.served)
        try:
            endpoints = find_endpoints(target, loaded, bound, path)
        except HostError as error:
            channel.report(failed=str(error))
            return
        channel.report(
            port=bound,
            endpoints=[dataclasses.asdict(endpoint) for endpoint in endpoints],
            apps=[served.client.app_id for served in loaded.served],
            event_types=event_types(loaded),
        )

    try:
        serve = SERVERS[loaded.kind]
        serve(loaded.app, listener, threading.Thread(target=announce, daemon=True).start)
    except SystemExit as error:
        if error.code:
            raise HostError(f"{target} failed at start-up: its lifespan raised, see above") from None
    except ModuleNotFoundError as error:  # the server is not there
        raise HostError(f"{target} cannot be run: {error}") from None


def main() -> int:
    """Be the child process."""
    parser = argparse.ArgumentParser(prog="python -m inngest_devserver.hosting.host", description="Run one app.")
    parser.add_argument("target")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--path")
    options = parser.parse_args()
    # A terminal sends Ctrl-C to the parent too, which then ends this process in its own time.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    channel = Channel(os.environ.pop(CHANNEL_VARIABLE, ""))
    watch_output(channel)
    try:
        run(options.target, options.port, options.path, channel)
    except HostError as error:
        channel.report(failed=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
