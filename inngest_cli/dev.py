"""`inngest dev` and `inngest start`: an engine, the user's apps beside it. Their options are checked here.

The one is for development, and asks for nothing on this machine; the other is self-hosted, and asks for keys. What both
do is in `session.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
from collections.abc import Coroutine
from typing import Any

from inngest_core.errors import ConfigError
from inngest_core.protocol.signing import SigningKey
from inngest_devserver.calls.requests import without_password
from inngest_devserver.http.access import host_name

from .engine_options import DevOptions
from .errors import UsageError
from .remote import is_url
from .session import Session


def dev(options: DevOptions) -> int:
    """Run until a signal comes; return 0. Raises CommandError and UsageError."""
    _check(options)
    return _run(options)


def start(options: DevOptions) -> int:
    """As `dev`, self-hosted: with keys."""
    _check_keys(options)
    _check(options)
    return _run(dataclasses.replace(options, is_self_hosted=True))


def _run(options: DevOptions) -> int:
    # uvicorn warns of every upgrade to a protocol that it does not speak; the client is told, which is enough.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return asyncio.run(_until_signal(Session(options).run()))


def _check_keys(options: DevOptions) -> None:
    """Refuse missing keys, and those that would not work; no message shows one."""
    if not options.signing_key:
        raise UsageError(
            "inngest start needs a signing key: set INNGEST_SIGNING_KEY, or give --signing-key; "
            "`openssl rand -hex 32` makes one"
        )
    if not options.event_keys:
        raise UsageError(
            "inngest start needs an event key, with which events are sent: set INNGEST_EVENT_KEY, or give --event-key"
        )
    for name, key in (("--signing-key", options.signing_key), ("--signing-key-fallback", options.signing_key_fallback)):
        try:
            is_hex = key is None or (len(SigningKey(key).hash()) > 0 and len(SigningKey(key).secret) >= _SHORTEST_KEY)
        except ConfigError:
            is_hex = False
        if not is_hex:
            raise UsageError(
                f"{name} is not hexadecimal, or has fewer than {_SHORTEST_KEY} digits; `openssl rand -hex 32` makes one"
            )
    for key in options.event_keys:
        if not key.isascii() or not all(char.isalnum() or char in "-_.~" for char in key):
            raise UsageError("--event-key is part of an address: use letters, digits, and -_.~ only")


_SHORTEST_KEY = 16
"""Digits of a signing key: fewer could be guessed."""


def _check(options: DevOptions) -> None:
    if options.may_write and not options.mcp:
        raise UsageError("--allow-writes is about the tools of --mcp; add --mcp, or leave it out")
    for url in options.urls:
        if not is_url(url):
            raise UsageError(
                f"-u {without_password(url)!r} is not a URL; write it as in http://127.0.0.1:5000/api/inngest"
            )
    for name in options.allowed_hosts:
        try:
            host_name(name)
        except ValueError as error:
            raise UsageError(f"--allowed-host {error}") from None
    if len(options.targets) > 1 and (options.path is not None or options.app_port != 0):
        raise UsageError("--path and --app-port are about one app, and several are named; give the others with -u")
    if not options.targets:
        of_an_app = {
            "--path": options.path is not None,
            "--app-port": options.app_port != 0,
            "--reload": options.reload,
        }
        for name, given in of_an_app.items():
            if given:
                raise UsageError(
                    f"{name} is about an app that this command runs; name one, as in inngest dev module:app"
                )
        if options.persist is not None and ":" in str(options.persist):
            raise UsageError(f"--persist took {str(options.persist)!r} for its FILE; put module:app before --persist")


_ENDING = (signal.SIGINT, signal.SIGTERM)


def _ignore_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Let a second Ctrl-C do no harm to a process that ends: it would be an error, and a traceback if it came late."""
    for number in _ENDING:
        with contextlib.suppress(NotImplementedError):  # on Windows
            loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def _until_signal(work: Coroutine[Any, Any, None]) -> int:
    """Run *work* until it ends or a signal comes; then let it clean up."""
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(ending.wait())

    def end(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(ending.set)

    for number in _ENDING:
        try:
            loop.add_signal_handler(number, ending.set)
        except NotImplementedError:  # on Windows
            signal.signal(number, end)
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if ending.is_set():
        _ignore_signals(loop)
    if not task.cancelled():
        task.result()
    return 0
