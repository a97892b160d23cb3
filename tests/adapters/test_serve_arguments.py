"""What is given to `serve` by mistake: every adapter says which argument, what was given, and what to give."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

import fastapi
import flask
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Router
from tornado.web import Application

import inngest
import inngest.asgi
import inngest.digital_ocean
import inngest.django
import inngest.fast_api
import inngest.flask
import inngest.starlette
import inngest.tornado
import inngest.wsgi
from inngest_core.errors import ConfigError, FunctionConfigError
from inngest_core.serving.app import collect_apps
from inngest_core.serving.options import ServeOptions
from tests.bad_input.served import KEY


@dataclass(frozen=True, slots=True)
class Adapter:
    """serve: the adapter's own. make_app: what it adds to; None where it takes no app."""

    serve: Callable[..., Any]
    make_app: Callable[[], object] | None = None

    def __call__(self, client: object, functions: object, **options: Any) -> Any:
        first = () if self.make_app is None else (self.make_app(),)
        return self.serve(*first, client, functions, **options)


WITH_AN_APP = {
    "flask": Adapter(inngest.flask.serve, lambda: flask.Flask("shop")),
    "flask blueprint": Adapter(inngest.flask.serve, lambda: flask.Blueprint("jobs", "shop")),
    "starlette": Adapter(inngest.starlette.serve, Starlette),
    "starlette router": Adapter(inngest.starlette.serve, Router),
    "starlette mount": Adapter(inngest.starlette.serve, lambda: Mount("/jobs", routes=[])),
    "fastapi": Adapter(inngest.fast_api.serve, fastapi.FastAPI),
    "fastapi router": Adapter(inngest.fast_api.serve, fastapi.APIRouter),
    "tornado": Adapter(inngest.tornado.serve, Application),
}
ADAPTERS = {
    **WITH_AN_APP,
    "django": Adapter(inngest.django.serve),
    "digital ocean": Adapter(inngest.digital_ocean.serve),
    "asgi": Adapter(inngest.asgi.serve),
    "wsgi": Adapter(inngest.wsgi.serve),
    "app": Adapter(functools.partial(inngest.App, framework="test")),
}
ON_EVERY_ADAPTER = pytest.mark.parametrize("serve", ADAPTERS.values(), ids=ADAPTERS.keys())
ON_EVERY_APP = pytest.mark.parametrize("adapter", WITH_AN_APP.values(), ids=WITH_AN_APP.keys())


def make_client(app_id: str = "shop") -> inngest.Inngest:
    return inngest.Inngest(app_id=app_id, is_production=False, logger=logging.Logger("silent"))


def define(client: inngest.Inngest, fn_id: str = "pay") -> inngest.Function[None]:
    @client.create_function(fn_id=fn_id)
    def function(ctx: inngest.ContextSync) -> None: ...

    return function


def undecorated(ctx: inngest.ContextSync) -> None: ...


class Order:
    pass


def traced(function: Any) -> Any:
    """Wrap as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: object) -> object:
        return function(*args)

    return wrapper


@ON_EVERY_ADAPTER
def test_what_is_right_is_served(serve: Adapter) -> None:
    client = make_client()
    pay, ship = define(client), define(client, "ship")
    lists: list[Sequence[inngest.Function[None]]] = [[pay], (pay, ship), []]
    for functions in lists:
        with collect_apps() as apps:
            serve(client, functions, serve_path="/jobs/")
        assert [(app.client, [each.id for each in app.functions], app.serve_path) for app in apps] == [
            (client, [each.id for each in functions], "/jobs")
        ]


CLIENT = make_client()
FUNCTION = define(CLIENT)
NO_LIST = {
    "one function": (FUNCTION, r'functions is the Function "shop-pay"; give a list: \[function\]'),
    "nothing": (None, "functions is None; give a list"),
    "a text": ("shop-pay", "functions is a str; give a list"),
    "a mapping": ({"pay": FUNCTION}, "functions is a dict; give a list"),
    "a raw function": (undecorated, "functions is the function undecorated; give a list"),
    "the client": (CLIENT, "functions is an Inngest client; give a list"),
}


@ON_EVERY_ADAPTER
@pytest.mark.parametrize(("given", "says"), NO_LIST.values(), ids=NO_LIST.keys())
def test_functions_that_are_no_list(given: object, says: str, serve: Adapter) -> None:
    with pytest.raises(ConfigError, match=says):
        serve(CLIENT, given)


NO_FUNCTION: dict[str, tuple[Any, str]] = {
    "raw": (undecorated, r"functions\[1\] is the function undecorated, which is not decorated; put @client.create_f"),
    "a partial": (functools.partial(undecorated), r"functions\[1\] is a functools.partial, which is not decorated"),
    "wrapped": (traced(FUNCTION), r'functions\[1\] is a wrapper around the Function "shop-pay".*above the decorator'),
    "wrapped twice": (traced(traced(FUNCTION)), r'a wrapper around the Function "shop-pay"'),
    "a decorator": (
        CLIENT.create_function(fn_id="x"),
        r"functions\[1\] is a decorator that decorates nothing; put @client",
    ),
    "a class": (Order, r"functions\[1\] is the class Order; give what @client.create_function returned"),
    "an id": ("shop-pay", r"functions\[1\] is a str; give what @client.create_function returned"),
    "nothing": (None, r"functions\[1\] is None; give what"),
    "a list": ([FUNCTION], r"functions\[1\] is a list; give what"),
}


@ON_EVERY_ADAPTER
@pytest.mark.parametrize(("given", "says"), NO_FUNCTION.values(), ids=NO_FUNCTION.keys())
def test_a_list_that_holds_something_else(given: object, says: str, serve: Adapter) -> None:
    with pytest.raises(ConfigError, match=says):
        serve(CLIENT, [define(CLIENT, "first"), given])


@ON_EVERY_ADAPTER
def test_functions_of_another_client(serve: Adapter) -> None:
    with pytest.raises(ConfigError, match=r'functions\[0\] is the Function "shop-pay".*another client.*"mail"'):
        serve(make_client("mail"), [FUNCTION])
    serve(make_client("shop"), [FUNCTION])  # as in tests, and in factories of apps


@ON_EVERY_ADAPTER
def test_two_functions_with_one_id(serve: Adapter) -> None:
    client = make_client()
    with pytest.raises(FunctionConfigError, match=r'"shop-pay" .*test_serve_arguments.py'):
        serve(client, [define(client), define(client)])


@ON_EVERY_ADAPTER
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "client is None; give the inngest.Inngest"),
        (flask.Flask("shop"), "client is a flask.app.Flask; give the inngest.Inngest"),
        ([FUNCTION], "client is a list; give the inngest.Inngest"),
        (inngest.Inngest, "client is the class Inngest; give the inngest.Inngest"),
    ],
)
def test_a_client_that_is_none(given: object, says: str, serve: Adapter) -> None:
    with pytest.raises(ConfigError, match=says):
        serve(given, [FUNCTION])


@ON_EVERY_APP
def test_app_and_client_the_other_way_round(adapter: Adapter) -> None:
    assert adapter.make_app is not None
    with pytest.raises(ConfigError, match=r"app is an Inngest client; give a.* first: serve\(app, client, functions\)"):
        adapter.serve(CLIENT, adapter.make_app(), [FUNCTION])


FOREIGN = {
    "flask": [fastapi.FastAPI(), Starlette(), Application(), None, "shop", flask.Flask],
    "starlette": [flask.Flask("shop"), Application(), None, "shop", Starlette],
    "fastapi": [flask.Flask("shop"), Application(), None, "shop", fastapi.FastAPI],
    "tornado": [flask.Flask("shop"), fastapi.FastAPI(), Starlette(), None, "shop", Application],
}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param(name, app, id=f"{name}-{number}")
        for name, apps in FOREIGN.items()
        for number, app in enumerate(apps)
    ],
)
def test_the_app_of_another_framework(name: str, given: Any) -> None:
    with pytest.raises(ConfigError, match=r"app is (a|an|the class|None)\b.*; give a "):
        WITH_AN_APP[name].serve(given, CLIENT, [FUNCTION])


def test_an_app_that_only_looks_as_if_it_had_routes() -> None:
    class Elsewhere:
        routes = ("/jobs", "/mail")

    for serve in (inngest.starlette.serve, inngest.fast_api.serve):
        with pytest.raises(ConfigError, match=r"app is a .*Elsewhere; give a"):
            serve(Elsewhere(), CLIENT, [FUNCTION])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ["flask", "starlette", "starlette router", "starlette mount", "fastapi", "tornado"])
def test_two_endpoints_at_one_path_of_an_app(name: str) -> None:
    adapter = WITH_AN_APP[name]
    assert adapter.make_app is not None
    app = adapter.make_app()
    other = make_client("mail")
    adapter.serve(app, CLIENT, [FUNCTION])
    with pytest.raises(ConfigError, match=r"functions are served at /api/inngest of this app already.*serve_path"):
        adapter.serve(app, other, [define(other)])
    adapter.serve(app, other, [define(other)], serve_path="/mail")
    with pytest.raises(ConfigError, match=r"at /mail of this app already"):
        adapter.serve(app, CLIENT, [FUNCTION], serve_path="mail/")


def test_two_endpoints_at_one_path_of_a_flask_app_and_its_blueprint() -> None:
    app, blueprint = flask.Flask("shop"), flask.Blueprint("jobs", "shop", url_prefix="/jobs")
    inngest.flask.serve(blueprint, CLIENT, [FUNCTION], serve_path="/inngest")
    inngest.flask.serve(app, CLIENT, [FUNCTION], serve_path="/jobs/inngest")
    with pytest.raises(ConfigError, match="at /jobs/inngest of this app already"):
        app.register_blueprint(blueprint)


def test_two_endpoints_at_one_path_of_a_fastapi_router() -> None:
    router = fastapi.APIRouter(prefix="/jobs")
    inngest.fast_api.serve(router, CLIENT, [FUNCTION])
    with pytest.raises(ConfigError, match="at /jobs/api/inngest of this app already"):
        inngest.fast_api.serve(router, CLIENT, [FUNCTION])


# --- the options of every serve


@ON_EVERY_ADAPTER
def test_every_serve_documents_every_parameter(serve: Adapter) -> None:
    function: Any = serve.serve
    if isinstance(function, functools.partial):
        function = function.func.__init__
    named = [name for name in inspect.signature(function).parameters if name not in ("self", "options")]
    documented = inspect.getdoc(function) or ""
    for name in [*named, *get_type_hints(ServeOptions)]:
        assert f"\n{name}: " in documented


@ON_EVERY_ADAPTER
def test_every_serve_takes_every_option_and_no_other(serve: Adapter) -> None:
    serve(
        CLIENT,
        [FUNCTION],
        serve_path="/jobs",
        serve_origin="https://shop.example",
        public_path="/public/jobs",
        enable_unauthed_sync=False,
    )
    serve(CLIENT, [FUNCTION], **dict.fromkeys(get_type_hints(ServeOptions)))
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'path_to_serve'.*serve_path"):
        serve(CLIENT, [FUNCTION], path_to_serve="/jobs")


@ON_EVERY_ADAPTER
@pytest.mark.parametrize(
    ("name", "given"),
    [("serve_path", 7), ("serve_origin", b"https://shop.example"), ("public_path", Order), ("enable_unauthed_sync", 1)],
)
def test_an_option_of_the_wrong_type(name: str, given: object, serve: Adapter) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is (a|an|the class) \w+; give a (str|bool), or leave it out"):
        serve(CLIENT, [FUNCTION], **{name: given})


def test_keys_are_not_shown() -> None:
    client = inngest.Inngest(app_id="shop", is_production=True, signing_key=KEY, event_key="s3cret")
    with pytest.raises(ConfigError) as caught:
        inngest.asgi.serve(client, client)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert KEY not in str(caught.value)
    assert "s3cret" not in str(caught.value)
