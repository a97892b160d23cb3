"""Asks an app to register: a PUT to its serve URL, again until the app is up and willing. Source: protocol §5, C1."""

from __future__ import annotations

import asyncio
import json

from inngest_core.protocol.wire import Header, SyncKind
from inngest_core.web.messages import TransportError
from inngest_devserver import fragments
from inngest_devserver.calls.caller import UnreachableError
from inngest_devserver.calls.reply import Answer
from inngest_devserver.engine import Engine

PING_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_SHOWN = 500


async def register_app(engine: Engine, url: str) -> None:
    """Return once the app at *url* has registered; what keeps it from that is said once, not at each try."""
    pause, said = _FIRST_PAUSE, ""
    while True:
        problem = await _ping(engine, url)
        if problem is None:
            return
        if problem != said:
            engine.journal.say(problem)
            said = problem
        # An app that starts is not announced by anything: asking is the only way to know.
        wake = asyncio.Event()
        await engine.clock.wait(wake, engine.clock.now() + pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _ping(engine: Engine, url: str) -> str | None:
    """Ask once; return what went wrong."""
    headers = {Header.SYNC_KIND.value: SyncKind.OUT_OF_BAND.value}
    body = fragments.dump({"url": url})
    before = engine.registry.registrations
    try:
        answer = await engine.caller.send("PUT", url, headers, body, seconds=PING_SECONDS)
    except UnreachableError:
        return f"waiting for an app at {url}"
    except TransportError as error:
        return f"the app did not answer: {error}"
    if not (answer.headers.get(Header.SDK) or answer.headers.get(Header.SDK_HANDLED)):
        return f"{url} answered {answer.status} and is not served by an Inngest SDK; check the path"
    if answer.status >= 400:
        return f"the app at {url} could not register ({answer.status}): {_message(answer)}"
    if engine.registry.registrations == before:
        return f"the app at {url} registered with another engine; set INNGEST_DEV there to the URL of this one"
    return None


def _message(answer: Answer) -> str:
    try:
        body = json.loads(answer.body)
        return str(body["message"])
    except (ValueError, TypeError, KeyError):
        return answer.body.decode(errors="replace")[:_SHOWN]
