"""Import strings, the kinds of apps, and where an app may serve."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import fastapi
import flask
import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from inngest_devserver.hosting.import_strings import LoadError, Target, parse_target
from inngest_devserver.hosting.loading import Kind, kind_of, load, serve_paths


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("shop", Target("shop", "app", is_factory=False)),
        ("shop:api", Target("shop", "api", is_factory=False)),
        ("shop.web:site.app", Target("shop.web", "site.app", is_factory=False)),
        ("shop:create_app()", Target("shop", "create_app", is_factory=True)),
    ],
)
def test_parse_target(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop.py", "write a module, as in shop:app"),
        ("web/shop.py:api", "as in web.shop:api"),
        ("./shop.py", "as in shop:app"),
        ("", "is not an import string"),
        ("shop:", "is not an import string"),
        ("shop:create_app(1)", "is not an import string"),
        ("sh op:app", "is not an import string"),
    ],
)
def test_a_text_that_is_no_import_string(text: str, said: str) -> None:
    with pytest.raises(LoadError) as caught:
        parse_target(text)
    assert said in str(caught.value)


async def asgi(scope: object, receive: object, send: object) -> None: ...


def asgi_through(scope: object, receive: object, send: object) -> object:
    return asgi(scope, receive, send)


async def asgi_with_extra(scope: object, receive: object, send: object, extra: object = None) -> None: ...


def wsgi(environ: object, start_response: object) -> list[bytes]:
    return []


def wsgi_with_extra(environ: object, start_response: object, extra: object = None) -> list[bytes]:
    return []


def factory(config: object = None, debug: bool = False) -> object:
    return wsgi


class ASGIObject:
    async def __call__(self, scope: object, receive: object, send: object) -> None: ...


class WSGIObject:
    def __call__(self, environ: object, start_response: object) -> list[bytes]:
        return []


class Wrapper:
    def __init__(self, app: object) -> None:
        self.app = app

    def __call__(self, *args: object, **kwargs: object) -> object: ...


KINDS: list[tuple[object, Kind | None]] = [
    (asgi, Kind.ASGI),
    (asgi_through, Kind.ASGI),
    (asgi_with_extra, Kind.ASGI),
    (wsgi, Kind.WSGI),
    (wsgi_with_extra, Kind.WSGI),
    (ASGIObject(), Kind.ASGI),
    (WSGIObject(), Kind.WSGI),
    (WSGIObject().__call__, Kind.WSGI),
    (functools.partial(asgi), Kind.ASGI),
    (functools.partial(wsgi), Kind.WSGI),
    (Wrapper(asgi), Kind.ASGI),
    (Wrapper(Wrapper(WSGIObject())), Kind.WSGI),
    (flask.Flask("shop"), Kind.WSGI),
    (flask.Flask("shop").wsgi_app, Kind.WSGI),
    (DispatcherMiddleware(flask.Flask("shop"), {}), Kind.WSGI),
    (fastapi.FastAPI(), Kind.ASGI),
    (fastapi.APIRouter(), Kind.ASGI),
    (Starlette(), Kind.ASGI),
    (CORSMiddleware(Starlette()), Kind.ASGI),
    (factory, None),
    (ASGIObject, None),
    (flask.Blueprint("b", "b"), None),
    (flask, None),
    (None, None),
    (3, None),
    (print, None),
]


@pytest.mark.parametrize(("app", "kind"), KINDS)
def test_kind_of(app: object, kind: Kind | None) -> None:
    assert kind_of(app) is kind


PATH = "/api/inngest"


def endpoint(*_: object) -> str:
    return ""


def fastapi_app() -> object:
    inner = fastapi.APIRouter(prefix="/v1")
    inner.add_api_route(PATH, endpoint)
    outer = fastapi.APIRouter()
    outer.include_router(inner, prefix="/in")
    app = fastapi.FastAPI()
    app.include_router(outer, prefix="/out")
    return app


def starlette_app() -> object:
    inner = Starlette(routes=[Route(PATH, endpoint)])
    return Starlette(routes=[Mount("/{tenant}", inner), Mount("/outer", routes=[Mount("/inner", inner)])])


def flask_app() -> flask.Flask:
    app, blueprint = flask.Flask("shop"), flask.Blueprint("b", "b", url_prefix="/web")
    blueprint.add_url_rule(PATH, view_func=endpoint)
    app.register_blueprint(blueprint)
    return app


@pytest.mark.parametrize(
    ("app", "path"),
    [
        (fastapi_app(), "/out/in/v1/api/inngest"),
        (starlette_app(), "/outer/inner/api/inngest"),
        (CORSMiddleware(cast("Any", starlette_app())), "/outer/inner/api/inngest"),
        (flask_app(), "/web/api/inngest"),
        (DispatcherMiddleware(flask.Flask("root"), {"/sub": flask_app()}), "/sub/web/api/inngest"),
        (asgi, PATH),
    ],
)
def test_serve_paths_are_found_under_mounts_and_prefixes(app: object, path: str) -> None:
    paths = serve_paths(app, PATH)
    assert path == paths[0]
    assert PATH in paths
    assert len(paths) == len(set(paths))
    assert not any("{" in other for other in paths)


def test_wrappers_around_wrappers_cost_no_more_than_their_number() -> None:
    app: object = asgi
    for _ in range(200):
        app = Wrapper(app)
    assert serve_paths(app, "api/inngest") == [PATH]
    itself = Wrapper(None)
    itself.app = itself
    assert serve_paths(itself, PATH) == [PATH]
    assert kind_of(itself) is None


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    before = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = before[0]
    for name in set(sys.modules) - before[1]:
        del sys.modules[name]


ASGI_SOURCE = "async def app(scope, receive, send): ...\n"


def test_load_from_a_directory(folder: Path) -> None:
    (folder / "shop_pkg").mkdir()
    (folder / "shop_pkg" / "web.py").write_text(ASGI_SOURCE)
    loaded = load(parse_target("shop_pkg.web"), folder)
    assert loaded.kind is Kind.ASGI
    assert loaded.served == ()


@pytest.mark.parametrize("text", ["shop_f:create_app", "shop_f:create_app()"])
def test_load_a_factory(folder: Path, text: str) -> None:
    (folder / "shop_f.py").write_text("def create_app(debug=False):\n    return lambda environ, start_response: []\n")
    assert load(parse_target(text), folder).kind is Kind.WSGI


@pytest.mark.parametrize(
    ("text", "source", "said"),
    [
        ("shap_m:app", ASGI_SOURCE, "there is no module 'shap_m' in "),
        ("shap_m:app", ASGI_SOURCE, "did you mean shop_m?"),
        ("zzz:app", ASGI_SOURCE, "start from the directory that holds it"),
        ("shop_m:ap", ASGI_SOURCE, "module 'shop_m' has no 'ap'; did you mean shop_m:app?"),
        ("shop_m", "class API:\n    async def __call__(self, scope, receive, send): ...\nweb = API()\n", "shop_m:web?"),
        ("shop_m", "x = 1\n", "give the name of the app, as in shop_m:my_app"),
        ("shop_m", "app = 3\n", "shop_m:app is of type int, expected an ASGI or WSGI app"),
        ("shop_m:other", "other = 3\n" + ASGI_SOURCE, "is of type int, expected an ASGI or WSGI app"),
        ("shop_m:app()", "app = 3\n", "'app' is of type int, which is not a factory; write it without parentheses"),
        ("shop_m:make()", "def make(): return 3\n", "is a factory that gave a value of type int"),
        ("shop_m:make()", "async def make(): ...\n", "an async factory cannot be used"),
    ],
)
def test_what_cannot_be_loaded_says_why(folder: Path, text: str, source: str, said: str) -> None:
    (folder / "shop_m.py").write_text(source)
    with pytest.raises(LoadError) as caught:
        load(parse_target(text), folder)
    assert said in str(caught.value)


def test_what_the_user_code_raises_passes_through(folder: Path) -> None:
    (folder / "shop_z.py").write_text("import a_module_that_is_missing\n")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        load(parse_target("shop_z"), folder)
