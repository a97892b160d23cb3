"""An app with a sync and an async function that tell their ids, and notice where they run; and how to call it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import inngest
from tests.cases.case import Call
from tests.stage.engine_api import EngineDouble
from tests.stage.logs import silent_logger
from tests.targets.target import Answer, Send

THREAD = "thread"
LOOP = "loop"


S = TypeVar("S", bound="Shop")


class Shop:
    """A client with functions "plain" and "async". seen: what they saw, by name, in the call of the moment."""

    def __init__(self, client: inngest.Inngest) -> None:
        self.client = client
        self.seen: dict[str, Any] = {}
        trigger = inngest.TriggerEvent(event="test/go")

        @client.create_function(fn_id="plain", trigger=trigger)
        def plain(ctx: inngest.ContextSync) -> dict[str, str]:
            self.seen[THREAD] = threading.get_ident()
            self.visit()
            return {"ran": ctx.fn_id}

        @client.create_function(fn_id="async", trigger=trigger)
        async def asynchronous(ctx: inngest.Context) -> dict[str, str]:
            self.seen[THREAD] = threading.get_ident()
            self.seen[LOOP] = asyncio.get_running_loop()
            await self.visit_async()
            return {"ran": ctx.fn_id}

        self.functions = [plain, asynchronous]

    def visit(self) -> None:
        """Run inside the plain function."""

    async def visit_async(self) -> None:
        """Run inside the async function."""


@contextmanager
def shop(**options: Any) -> Generator[Shop]:
    """A shop in dev mode, unless options say otherwise."""
    with shop_of(Shop, **options) as served:
        yield served


@contextmanager
def shop_of(kind: type[S], **options: Any) -> Generator[S]:
    """A shop of a kind of its own."""
    given: dict[str, Any] = {"app_id": "app", "is_production": False, "logger": silent_logger(), **options}
    with inngest.Inngest(**given) as client:
        yield kind(client)


def query(name: str) -> str:
    """Return the query of a call of the function *name*."""
    return Call(fn_id=f"app-{name}").query()


BODY = Call().body()


def large_body(size: int) -> bytes:
    """Return a call request of more than *size* bytes."""
    return Call(event={"name": "test/go", "data": {"text": "x" * size}}).body()


def expect_ran(answer: Answer, name: str) -> None:
    """Assert that the function of that name has answered."""
    assert (answer.status, json.loads(answer.body)) == (200, {"ran": f"app-{name}"})
    assert answer.headers["x-inngest-sdk"] == f"inngest-py:v{inngest.__version__}"


def expect_refused(answer: Answer, status: int, code: str) -> str:
    """Assert a coded error of this SDK; return its message."""
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-inngest-sdk-handled"] == "true"
    assert ("x-inngest-sdk" in answer.headers) == (status != 401)
    return str(body["message"])


def registered_url(send: Send, engine: EngineDouble) -> str:
    """Return the URL that an app registers when it is asked to, as it saw it in the request."""
    engine.reset({"POST /fn/register": [(200, {"ok": True})]})
    answer = send("PUT", "", {}, b"")
    assert answer.status == 200, answer.body
    return str(engine.requests[-1].json()["url"])
