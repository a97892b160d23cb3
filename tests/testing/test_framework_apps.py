"""Engines drive apps through their real adapters, in process: each framework, sync and async functions and tests."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Sequence
from typing import Any

import fastapi
import flask
import pytest
import starlette.applications
import tornado.web

import inngest
import inngest.asgi
import inngest.django
import inngest.fastapi
import inngest.flask
import inngest.starlette
import inngest.tornado
import inngest.wsgi
from inngest import testing
from tests.targets.django_site import ASGISite, WSGISite

Functions = Sequence[inngest.Function[Any]]


def flask_app(client: inngest.Inngest, functions: Functions) -> object:
    app = flask.Flask("shop")
    inngest.flask.serve(app, client, functions)
    return app


def starlette_app(client: inngest.Inngest, functions: Functions) -> object:
    app = starlette.applications.Starlette()
    inngest.starlette.serve(app, client, functions)
    return app


def fastapi_app(client: inngest.Inngest, functions: Functions) -> object:
    app = fastapi.FastAPI()
    inngest.fastapi.serve(app, client, functions)
    return app


def django_wsgi(client: inngest.Inngest, functions: Functions) -> object:
    return WSGISite([inngest.django.serve(client, functions)])


def django_asgi(client: inngest.Inngest, functions: Functions) -> object:
    return ASGISite([inngest.django.serve(client, functions)])


def tornado_app(client: inngest.Inngest, functions: Functions) -> object:
    app = tornado.web.Application()
    inngest.tornado.serve(app, client, functions)
    return app


def bare_asgi(client: inngest.Inngest, functions: Functions) -> object:
    return inngest.asgi.serve(client, functions)


def bare_wsgi(client: inngest.Inngest, functions: Functions) -> object:
    return inngest.wsgi.serve(client, functions)


def bare_functions(client: inngest.Inngest, functions: Functions) -> object:
    return list(functions)


EVERY_APP = [
    *(flask_app, starlette_app, fastapi_app, django_wsgi, django_asgi, tornado_app, bare_asgi, bare_wsgi),
    bare_functions,
]
every_app = pytest.mark.parametrize("make_app", EVERY_APP)

MakeApp = Callable[[inngest.Inngest, Functions], object]


def shop() -> tuple[inngest.Inngest, Functions]:
    client = inngest.Inngest(app_id="shop", is_production=False)

    @client.create_function(fn_id="order", trigger=inngest.TriggerEvent(event="shop/ordered"), retries=1)
    async def order(ctx: inngest.Context) -> str:
        name = await ctx.step.run("look-up", look_up, ctx.event.data["id"])
        await ctx.step.sleep("a-day", datetime.timedelta(days=1))
        greeting = await ctx.step.invoke("greet", function=greet, data={"name": name})
        await client.send(inngest.Event(name="shop/greeted"))
        return greeting

    @client.create_function(fn_id="greet")
    def greet(ctx: inngest.ContextSync) -> str:
        ctx.logger.info("greeting")
        client.send_sync(inngest.Event(name="shop/greeting"))
        return ctx.step.run("say", lambda: f"hello {ctx.event.data['name']}")

    @client.create_function(fn_id="follow", trigger=inngest.TriggerEvent(event="shop/greeted"))
    def follow(ctx: inngest.ContextSync) -> None:
        ctx.step.send_event("again", inngest.Event(name="shop/followed"))

    return client, [order, greet, follow]


def look_up(number: int) -> str:
    raise LookupError(str(number))


def check(order: testing.Result[Any], greet: testing.Result[Any], follow: testing.Result[Any]) -> None:
    assert order.output == "hello ada"
    assert order.duration >= datetime.timedelta(days=1)
    assert [event.name for event in order.events_sent] == ["shop/greeted"]
    assert "shop/greeting" in [event.name for event in greet.events_sent]
    assert "greeting" in greet.logs.messages
    assert follow.status is testing.Status.COMPLETED
    assert [event.name for event in follow.events_sent] == ["shop/followed"]


STUBS = {"look-up": testing.sequence(LookupError("once"), "ada")}


@every_app
def test_a_sync_test_drives_an_app(make_app: MakeApp) -> None:
    client, functions = shop()
    with client, testing.Engine(make_app(client, functions), steps=STUBS) as engine:
        sent = engine.send(inngest.Event(name="shop/ordered", data={"id": 5}))
        run = engine.wait(engine.runs_of(sent)[0])
        engine.settle()
        check(run, engine.runs(functions[1])[0], engine.runs(functions[2])[0])


@every_app
def test_an_async_test_drives_an_app(make_app: MakeApp) -> None:
    async def main() -> None:
        client, functions = shop()
        async with client, testing.AsyncEngine(make_app(client, functions), steps=STUBS) as engine:
            sent = await engine.send(inngest.Event(name="shop/ordered", data={"id": 5}))
            run = await engine.wait(engine.runs_of(sent)[0])
            await engine.settle()
            check(run, engine.runs(functions[1])[0], engine.runs(functions[2])[0])

    asyncio.run(main())


def test_an_app_in_cloud_mode_is_signed_for() -> None:
    client = inngest.Inngest(app_id="shop", signing_key="signkey-test-12345678", event_key="key")

    @client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="a"))
    def f(ctx: inngest.ContextSync) -> str:
        ctx.step.sleep("month", datetime.timedelta(days=30))
        return "signed"

    app = flask_app(client, [f])
    with testing.Engine(app, signing_key="signkey-test-12345678") as engine:
        run = engine.wait(engine.runs_of(engine.send(inngest.Event(name="a")))[0])
        assert run.output == "signed"


def test_what_is_no_app_is_refused() -> None:
    with pytest.raises(testing.AppError, match="5 is not an app; give functions, or an app"), testing.Engine(5):
        pass
    with pytest.raises(testing.AppError) as raised, testing.Engine(flask.Flask("empty")):
        pass
    assert str(raised.value).startswith("the app did not register: it answered a PUT to /api/inngest with 404")


def test_several_apps_invoke_each_other() -> None:
    client, functions = shop()
    other = inngest.Inngest(app_id="other", is_production=False)

    @other.create_function(fn_id="caller", trigger=inngest.TriggerEvent(event="a"))
    async def caller(ctx: inngest.Context) -> str:
        return await ctx.step.invoke("greet", function=functions[1], data={"name": "bob"})

    with testing.Engine(flask_app(client, functions), fastapi_app(other, [caller])) as engine:
        run = engine.wait(engine.runs_of(engine.send(inngest.Event(name="a")))[0])
        assert run.output == "hello bob"


class Faulty:
    """An app whose answers to calls fail, `times` of them: it raises as middleware of an app may."""

    def __init__(self, app: Any, times: int) -> None:
        self._app = app
        self._left = times

    def _fail(self, method: str) -> None:
        if method == "POST" and self._left:
            self._left -= 1
            raise RuntimeError("the app is broken")


class FaultyWSGI(Faulty):
    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self._fail(environ["REQUEST_METHOD"])
        return self._app(environ, start_response)


class FaultyASGI(Faulty):
    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self._fail(scope["method"])
        await self._app(scope, receive, send)


class FaultyStarlette(Faulty):
    """As Starlette does it: it answers with 500, and raises then, so that the server logs it."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            self._fail(scope["method"])
        except RuntimeError:
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"broken"})
            raise
        await self._app(scope, receive, send)


FAULTY: list[tuple[MakeApp, type[Faulty]]] = [
    (flask_app, FaultyWSGI),
    (fastapi_app, FaultyASGI),
    (starlette_app, FaultyStarlette),
]


@pytest.mark.parametrize(("make_app", "faulty"), FAULTY)
def test_an_app_that_raises_is_called_again(make_app: MakeApp, faulty: type[Faulty]) -> None:
    """A web server answers for an app that raises, and the engine tries again."""
    client, functions = shop()
    greeted = inngest.Event(name="shop/greet", data={"name": "ada"})
    with client, testing.Engine(faulty(make_app(client, functions), 2)) as engine:
        run = engine.wait(engine.start(functions[1], [greeted]))
        assert run.output == "hello ada"
        assert run.duration == datetime.timedelta(seconds=3)
    with client, testing.Engine(faulty(make_app(client, functions), 100)) as engine:
        run = engine.wait(engine.start(functions[1], [greeted]))
        assert run.status is testing.Status.FAILED
        with pytest.raises(RuntimeError, match="the app is broken"):
            _ = run.output


def test_an_app_that_raises_after_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    client, functions = shop()
    app: Any = fastapi_app(client, functions)

    async def late(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        raise RuntimeError("in the background")

    with client, testing.Engine(late) as engine:
        run = engine.wait(engine.start(functions[1], [inngest.Event(name="a", data={"name": "ada"})]))
        assert run.output == "hello ada"
    assert "was answered, and then the app raised" in caplog.text
    assert "in the background" in caplog.text


def test_a_path_that_is_none() -> None:
    with pytest.raises(ValueError, match="path is 'inngest'; give a path that begins with a slash"):
        testing.Engine(flask.Flask("shop"), path="inngest")
