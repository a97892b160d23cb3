"""Asks an app to register: a PUT to its serve URL, again until the app is up and willing.

What is said: docs/protocol.md, "Registration".
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from inngest_core.protocol.wire import Header, SyncKind
from inngest_core.web.messages import TransportError
from inngest_devserver import fragments
from inngest_devserver.calls.caller import UnreachableError
from inngest_devserver.calls.reply import Answer
from inngest_devserver.calls.requests import without_password
from inngest_devserver.engine import Engine

PING_SECONDS = 10.0
POLL_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_SHOWN = 500


class NotRegisteredError(Exception):
    """The app has not registered; the message says why, for the person at the terminal."""


async def register_app(engine: Engine, url: str) -> None:
    """Return once the app at *url* has registered; say what keeps it from that, once for each reason."""
    pause, said = _FIRST_PAUSE, ""
    while True:
        try:
            await _ping(engine, url)
        except NotRegisteredError as error:
            if str(error) != said:
                said = str(error)
                engine.journal.say(said)
        else:
            return
        # Nothing announces that an app has started: asking is the only way to find out.
        await engine.clock.wait(asyncio.Event(), engine.clock.now() + pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def keep_registered(engine: Engine, url: str, seconds: float = POLL_SECONDS) -> None:
    """Ask an app that has registered again and again, so that functions which its reloading server adds appear."""
    while True:
        await engine.clock.wait(asyncio.Event(), engine.clock.now() + seconds)
        with contextlib.suppress(NotRegisteredError):  # it is reloading, or down: its calls say so
            await _ping(engine, url)


async def _ping(engine: Engine, url: str) -> None:
    """Ask once; raises NotRegisteredError."""
    shown = without_password(url)
    headers = {Header.SYNC_KIND.value: SyncKind.OUT_OF_BAND.value}
    before = engine.registry.registrations
    try:
        answer = await engine.caller.send("PUT", url, headers, fragments.dump({"url": url}), seconds=PING_SECONDS)
    except UnreachableError:
        raise NotRegisteredError(f"waiting for an app at {shown}") from None
    except TransportError as error:
        raise NotRegisteredError(f"the app did not answer: {error}") from error
    if not answer.is_from_sdk:
        raise NotRegisteredError(
            f"{shown} answered {answer.status} and is not served by an Inngest SDK; check the path"
        )
    if answer.status >= 400:
        raise NotRegisteredError(f"the app at {shown} could not register ({answer.status}): {_message(answer)}")
    if engine.registry.registrations == before:
        raise NotRegisteredError(
            f"the app at {shown} registered with another engine; set INNGEST_DEV there to the URL of this one"
        )


def _message(answer: Answer) -> str:
    try:
        body = json.loads(answer.body)
        return str(body["message"])
    except (ValueError, TypeError, KeyError):
        return answer.body.decode(errors="replace")[:_SHOWN]
