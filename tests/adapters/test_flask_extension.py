"""Flask: the extension, its settings, Flask-WTF's protection, and what of Flask works inside functions."""

from __future__ import annotations

import asyncio
import importlib
import json
from typing import Any

import flask
import pytest

import inngest
import inngest.flask
from tests.bad_input.served import KEY
from tests.stage.shop import BODY, Shop, expect_ran, expect_refused, query, shop
from tests.targets.target import Answer, call_wsgi

PATH = "/api/inngest"


def ask(app: flask.Flask, kind: str = "plain", path: str = PATH, **headers: str) -> Answer:
    return call_wsgi(app, "POST", path, query(kind), headers, BODY)


def app_of(served: Shop, **config: Any) -> flask.Flask:
    app = flask.Flask("shop")
    for name, value in config.items():
        app.config[name] = value
    inngest.flask.Extension(served.client, served.functions).init_app(app)
    return app


# --- apps and settings


def test_several_apps_with_settings_of_their_own() -> None:
    with shop() as served:
        extension = inngest.flask.Extension(served.client, served.functions, serve_path="/of/the/extension")
        first, second = flask.Flask("first"), flask.Flask("second")
        second.config["INNGEST_SERVE_PATH"] = "/own"
        second.config["INNGEST_SIGNING_KEY"] = KEY
        second.config["INNGEST_EVENT_KEY"] = "key-2"
        second.config["INNGEST_IS_PRODUCTION"] = True
        for app in (first, second):
            extension.init_app(app)
        expect_ran(ask(first, path="/of/the/extension"), "plain")
        expect_refused(ask(second, path="/own"), 401, "header_missing")
        assert first.extensions["inngest"].client is served.client
        own = second.extensions["inngest"].client
        assert (own.app_id, own.signing_key, own.event_key) == ("app", KEY, "key-2")
        assert own.middleware == served.client.middleware
        ids = [function.id for function in second.extensions["inngest"].functions]
        assert ids == [function.id for function in served.functions]


def test_at_once_with_an_app() -> None:
    with shop() as served:
        app = flask.Flask("shop")
        inngest.flask.Extension(served.client, served.functions, app=app)
        expect_ran(ask(app, "async"), "async")


def test_a_serializer_may_be_the_name_of_its_class() -> None:
    with shop() as served:
        app = app_of(served, INNGEST_SERIALIZER="inngest.PydanticSerializer")
        assert isinstance(app.extensions["inngest"].client.serializer, inngest.PydanticSerializer)


@pytest.mark.parametrize("text", ["false", "False", "0", 0])
def test_a_switch_may_be_text_as_the_environment_has_it(text: object) -> None:
    with shop() as served:
        app = app_of(served, INNGEST_IS_PRODUCTION=text, INNGEST_ENABLE_UNAUTHED_SYNC=text)
        assert app.extensions["inngest"].client.is_production is False
        app = app_of(served, INNGEST_IS_PRODUCTION="true", INNGEST_SIGNING_KEY=KEY)
        assert app.extensions["inngest"].client.is_production is True


MISTAKES = {
    "a key": (
        {"INNGEST_EVENT_KEY": 12},
        'app.config["INNGEST_EVENT_KEY"]: event_key is an int; give a str',
    ),
    "a switch": (
        {"INNGEST_IS_PRODUCTION": "maybe"},
        "app.config[\"INNGEST_IS_PRODUCTION\"]: is_production is 'maybe'; give True for cloud mode",
    ),
    "an origin": (
        {"INNGEST_SERVE_ORIGIN": "shop.example"},
        "app.config[\"INNGEST_SERVE_ORIGIN\"]: serve_origin is 'shop.example': it does not begin with http",
    ),
    "unknown": (
        {"INNGEST_SIGNIN_KEY": "x"},
        'did you mean app.config["INNGEST_SIGNING_KEY"]?',
    ),
    "the id": (
        {"INNGEST_APP_ID": "other"},
        'app.config["INNGEST_APP_ID"] is not a setting; give app_id to the client, with which functions are defined',
    ),
    "the mode as in the environment": (
        {"INNGEST_DEV": 1},
        'app.config["INNGEST_DEV"] is not a setting, for INNGEST_DEV belongs in the environment; set '
        'app.config["INNGEST_IS_PRODUCTION"] instead',
    ),
    "the engine as in the environment": (
        {"INNGEST_BASE_URL": "http://127.0.0.1:8288"},
        'set app.config["INNGEST_API_BASE_URL"] and app.config["INNGEST_EVENT_API_BASE_URL"] instead',
    ),
    "what is no serializer": (
        {"INNGEST_SERIALIZER": "os.path"},
        'app.config["INNGEST_SERIALIZER"]: serializer is a module; give an object with the methods serialize and ',
    ),
    "of serve": ({"INNGEST_SERVE_PATH": 7}, 'app.config["INNGEST_SERVE_PATH"]: serve_path is an int; give a str'),
    "of the client": (
        {"INNGEST_THREAD_POOL_MAX_WORKERS": -1},
        'app.config["INNGEST_THREAD_POOL_MAX_WORKERS"]: thread_pool_max_workers is -1',
    ),
    "a name": (
        {"INNGEST_MIDDLEWARE": ["os.nowhere"]},
        "app.config[\"INNGEST_MIDDLEWARE\"] names 'os.nowhere', which cannot be imported: ImportError: module 'os' has",
    ),
}


@pytest.mark.parametrize(("config", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_setting_that_does_not_fit_is_refused_when_the_app_is_made(config: dict[str, Any], said: str) -> None:
    with shop() as served, pytest.raises(inngest.InngestError) as raised:
        app_of(served, **config)
    assert said in raised.value.message


def test_an_app_that_is_initialised_twice_is_refused() -> None:
    with shop() as served:
        app = app_of(served)
        with pytest.raises(inngest.InngestError, match="init_app was called for this app before"):
            inngest.flask.Extension(served.client, served.functions, app=app)
        with pytest.raises(inngest.InngestError, match="app is a"):
            inngest.flask.Extension(served.client, served.functions).init_app(
                flask.Blueprint("jobs", __name__)  # type: ignore[arg-type]
            )


# --- Flask-WTF


@pytest.mark.parametrize("first", ["protection", "endpoint"])
@pytest.mark.parametrize("where", ["app", "blueprint"])
def test_the_protection_of_forms_leaves_the_endpoint_alone(first: str, where: str) -> None:
    protection: Any = importlib.import_module("flask_wtf.csrf").CSRFProtect()
    with shop() as served:
        app = flask.Flask("shop")
        app.config["SECRET_KEY"] = "x"
        app.add_url_rule("/form", view_func=lambda: "never", methods=["POST"])
        if first == "protection":
            protection.init_app(app)
        if where == "app":
            inngest.flask.serve(app, served.client, served.functions)
        else:
            blueprint = flask.Blueprint("jobs", __name__)
            inngest.flask.serve(blueprint, served.client, served.functions)
            app.register_blueprint(blueprint)
        if first == "endpoint":
            protection.init_app(app)
        expect_ran(ask(app), "plain")
        assert call_wsgi(app, "POST", "/form", "", {}, b"").status == 400


# --- Flask inside functions


def seen_by_flask() -> dict[str, str]:
    """Use what needs the contexts of an app and of a request."""
    return {
        "app": flask.current_app.name,
        "user": flask.g.user,
        "url": flask.url_for("page"),
        "method": flask.request.method,
    }


EXPECTED = {"app": "shop", "user": "ada", "url": "/page", "method": "POST"}


@pytest.mark.parametrize("streaming", [inngest.Streaming.DISABLE, inngest.Streaming.FORCE])
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_the_contexts_are_there_in_functions_and_steps(kind: str, streaming: inngest.Streaming) -> None:
    trigger = inngest.TriggerEvent(event="test/go")
    with inngest.Inngest(app_id="app", is_production=False, checkpointing=False) as client:

        @client.create_function(fn_id="plain", trigger=trigger)
        def plain(ctx: inngest.ContextSync) -> object:
            assert seen_by_flask() == EXPECTED
            return ctx.step.run("look", seen_by_flask)

        @client.create_function(fn_id="async", trigger=trigger)
        async def asynchronous(ctx: inngest.Context) -> object:
            async def look() -> dict[str, str]:
                await asyncio.sleep(0)
                return seen_by_flask()

            in_a_task = await asyncio.create_task(look())
            assert in_a_task == await asyncio.to_thread(seen_by_flask) == EXPECTED
            return await ctx.step.run("look", look)

        app = flask.Flask("shop")
        app.add_url_rule("/page", "page", lambda: "")
        app.before_request(lambda: setattr_of_g("user", "ada"))
        inngest.flask.Extension(client, [plain, asynchronous], app=app, streaming=streaming)
        answer = json.loads(ask(app, kind).body)
        ops = json.loads(answer["body"]) if streaming is inngest.Streaming.FORCE else answer
        assert ops[0]["data"] == EXPECTED


def setattr_of_g(name: str, value: str) -> None:
    vars(flask.g)[name] = value


# --- another client of the same app


def test_a_client_with_other_options_serves_the_same_functions() -> None:
    with shop(request_timeout=5000) as served, served.client.with_options(event_key="other") as other:
        assert (other.app_id, other.event_key, other.request_timeout_seconds) == ("app", "other", 5.0)
        app = flask.Flask("shop")
        inngest.flask.serve(app, other, served.functions)
        expect_ran(ask(app), "plain")
        with pytest.raises(TypeError, match="app_id"):
            served.client.with_options(app_id="other")
        with pytest.raises(TypeError, match="no_such"):
            served.client.with_options(no_such=1)
