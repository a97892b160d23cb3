"""Blueprints, routers, mounts, `include()`, apps inside other apps: the prefix is part of the URL that is registered.

Each case makes an app that serves at the path it is given with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

import fastapi
import flask
import pytest
from django.urls import include, path, re_path
from starlette.applications import Starlette
from starlette.routing import Mount, Router
from tornado.routing import PathMatches, Rule, RuleRouter
from tornado.web import Application, FallbackHandler
from tornado.wsgi import WSGIContainer
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import inngest
import inngest.asgi
import inngest.django
import inngest.fast_api
import inngest.flask
import inngest.starlette
import inngest.tornado
import inngest.wsgi
from tests.stage.engine_api import EngineDouble
from tests.stage.servers import Serving, by_tornado, by_uvicorn, by_waitress
from tests.targets.django_asgi import as_asgi
from tests.targets.django_site import ASGISite, Patterns, WSGISite
from tests.targets.target import Functions

from .proxy import proxy
from .registered_urls import call, expect_answers, register, shop_at

pytestmark = pytest.mark.live

Make = Callable[[inngest.Inngest, Functions], Any]


class Case(NamedTuple):
    make: Make
    path: str
    serving: Serving


CASES: dict[str, Case] = {}


def case(served_at: str, serving: Serving) -> Callable[[Make], Make]:
    """Take a way to make an app into the list, under its name."""

    def add(make: Make) -> Make:
        CASES[make.__name__.replace("_", " ")] = Case(make, served_at, serving)
        return make

    return add


# --- Flask


@case("/jobs/api/inngest", by_waitress)
def flask_blueprint(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    jobs = flask.Blueprint("jobs", __name__, url_prefix="/jobs")
    inngest.flask.serve(jobs, client, functions)
    app = flask.Flask("shop")
    app.register_blueprint(jobs)
    return app


@case("/v1/jobs/night/inngest", by_waitress)
def flask_nested_blueprints(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    night = flask.Blueprint("night", __name__, url_prefix="/night")
    inngest.flask.serve(night, client, functions, serve_path="/inngest")
    jobs = flask.Blueprint("jobs", __name__, url_prefix="/ignored")
    jobs.register_blueprint(night)
    app = flask.Flask("shop")
    app.register_blueprint(jobs, url_prefix="/v1/jobs")
    return app


@case("/jobs/", by_waitress)
def flask_blueprint_without_a_path_of_its_own(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    jobs = flask.Blueprint("jobs", __name__, url_prefix="/jobs")
    inngest.flask.serve(jobs, client, functions, serve_path="/")
    app = flask.Flask("shop")
    app.register_blueprint(jobs)
    return app


@case("/tenants/blue/api/inngest", by_waitress)
def flask_blueprint_with_a_variable(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    tenant = flask.Blueprint("tenant", __name__, url_prefix="/tenants/<tenant>")
    inngest.flask.serve(tenant, client, functions)
    app = flask.Flask("shop")
    app.register_blueprint(tenant)
    return app


@case("/again/api/inngest", by_waitress)
def flask_blueprint_registered_twice(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    jobs = flask.Blueprint("jobs", __name__)
    inngest.flask.serve(jobs, client, functions)
    app = flask.Flask("shop")
    app.register_blueprint(jobs)
    app.register_blueprint(jobs, name="again", url_prefix="/again")
    return app


@case("/caf%C3%A9%20bar/api/inngest", by_waitress)
def flask_blueprint_beyond_ascii(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    cafe = flask.Blueprint("cafe", __name__, url_prefix="/café bar")
    inngest.flask.serve(cafe, client, functions)
    app = flask.Flask("shop")
    app.register_blueprint(cafe)
    return app


@case("/inner/jobs/api/inngest", by_waitress)
def flask_app_and_blueprint_under_another_app(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    outer = flask.Flask("outer")
    mounts = {"/inner": flask_blueprint(client, functions)}
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, mounts)  # type: ignore[method-assign]  # as Flask says
    return outer


@case("/inner/api/inngest", by_tornado)
def flask_app_under_tornado(client: inngest.Inngest, functions: Functions) -> Application:
    app = flask.Flask("shop")
    inngest.flask.serve(app, client, functions, serve_path="/inner/api/inngest")
    return Application([(".*", FallbackHandler, {"fallback": WSGIContainer(app)})])


# --- FastAPI


@case("/jobs/api/inngest", by_uvicorn)
def fastapi_router(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    jobs = fastapi.APIRouter(prefix="/jobs")
    inngest.fast_api.serve(jobs, client, functions)
    app = fastapi.FastAPI()
    app.include_router(jobs)
    return app


@case("/v1/jobs/night/inngest", by_uvicorn)
def fastapi_nested_routers(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    night = fastapi.APIRouter(prefix="/night")
    inngest.fast_api.serve(night, client, functions, serve_path="/inngest")
    jobs = fastapi.APIRouter(prefix="/jobs")
    jobs.include_router(night)
    app = fastapi.FastAPI()
    app.include_router(jobs, prefix="/v1")
    return app


@case("/jobs/", by_uvicorn)
def fastapi_router_without_a_path_of_its_own(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    jobs = fastapi.APIRouter(prefix="/jobs")
    inngest.fast_api.serve(jobs, client, functions, serve_path="/")
    app = fastapi.FastAPI()
    app.include_router(jobs)
    return app


@case("/tenants/blue/api/inngest", by_uvicorn)
def fastapi_router_with_a_variable(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    tenant = fastapi.APIRouter(prefix="/tenants/{tenant}")
    inngest.fast_api.serve(tenant, client, functions)
    app = fastapi.FastAPI()
    app.include_router(tenant)
    return app


@case("/v1/inner/jobs/api/inngest", by_uvicorn)
def fastapi_app_and_router_under_others(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    inner = fastapi_router(client, functions)
    version = fastapi.FastAPI()
    version.mount("/inner", inner)
    app = fastapi.FastAPI()
    app.mount("/v1", version)
    return app


# --- Starlette


@case("/v1/jobs/api/inngest", by_uvicorn)
def starlette_mounts(client: inngest.Inngest, functions: Functions) -> Starlette:
    jobs = Mount("/jobs", routes=[])
    inngest.starlette.serve(jobs, client, functions)
    return Starlette(routes=[Mount("/v1", routes=[jobs])])


@case("/jobs/api/inngest", by_uvicorn)
def starlette_router(client: inngest.Inngest, functions: Functions) -> Starlette:
    jobs = Router()
    inngest.starlette.serve(jobs, client, functions)
    return Starlette(routes=[Mount("/jobs", jobs)])


@case("/caf%C3%A9/blue/api/inngest", by_uvicorn)
def starlette_mount_with_a_variable_beyond_ascii(client: inngest.Inngest, functions: Functions) -> Starlette:
    cafe = Mount("/café/{tenant}", routes=[])
    inngest.starlette.serve(cafe, client, functions)
    return Starlette(routes=[cafe])


@case("/inner/api/inngest", by_uvicorn)
def starlette_app_under_another(client: inngest.Inngest, functions: Functions) -> Starlette:
    inner = Starlette()
    inngest.starlette.serve(inner, client, functions)
    app = Starlette()
    app.mount("/inner", inner)
    return app


# --- Django


def included(client: inngest.Inngest, functions: Functions) -> Patterns:
    night = [inngest.django.serve(client, functions, serve_path="/inngest")]
    return [path("v1/", include([re_path("^jobs/", include(night))]))]


@case("/v1/jobs/inngest", by_waitress)
def django_include_under_wsgi(client: inngest.Inngest, functions: Functions) -> WSGISite:
    return WSGISite(included(client, functions))


@case("/v1/jobs/inngest", by_uvicorn)
def django_include_under_asgi(client: inngest.Inngest, functions: Functions) -> Any:
    return ASGISite(included(client, functions))


@case("/tenants/blue/api/inngest", by_waitress)
def django_include_with_a_nameless_variable_under_wsgi(client: inngest.Inngest, functions: Functions) -> WSGISite:
    return WSGISite([re_path(r"^tenants/(\w+)/", include([inngest.django.serve(client, functions)]))])


@case("/tenants/blue/api/inngest", by_uvicorn)
def django_include_with_a_variable_under_asgi(client: inngest.Inngest, functions: Functions) -> Any:
    return ASGISite([path("tenants/<slug:tenant>/", include([inngest.django.serve(client, functions)]))])


@case("/jobs", by_waitress)
def django_include_without_a_path_of_its_own(client: inngest.Inngest, functions: Functions) -> WSGISite:
    return WSGISite([path("jobs", include([inngest.django.serve(client, functions, serve_path="/")]))])


@case("/caf%C3%A9/api/inngest", by_waitress)
def django_include_beyond_ascii(client: inngest.Inngest, functions: Functions) -> WSGISite:
    return WSGISite([path("café/", include([inngest.django.serve(client, functions)]))])


@case("/inner/v1/jobs/inngest", by_waitress)
def django_under_another_wsgi_app(client: inngest.Inngest, functions: Functions) -> Any:
    return DispatcherMiddleware(NotFound(), {"/inner": WSGISite(included(client, functions))})


@case("/inner/v1/jobs/inngest", by_uvicorn)
def django_under_starlette(client: inngest.Inngest, functions: Functions) -> Starlette:
    return Starlette(routes=[Mount("/inner", as_asgi(ASGISite(included(client, functions))))])


# --- Tornado


@case("/jobs/api/inngest", by_tornado)
def tornado_app_under_another(client: inngest.Inngest, functions: Functions) -> Application:
    jobs = Application([])
    inngest.tornado.serve(jobs, client, functions, serve_path="/jobs/api/inngest")
    return Application([("/jobs/.*", jobs)])


@case("/jobs/api/inngest", by_tornado)
def tornado_app_in_a_router(client: inngest.Inngest, functions: Functions) -> RuleRouter:
    jobs = Application([])
    inngest.tornado.serve(jobs, client, functions, serve_path="/jobs/api/inngest")
    return RuleRouter([Rule(PathMatches("/jobs/.*"), jobs)])


# --- bare


@case("/jobs/api/inngest", by_uvicorn)
def bare_asgi_at_a_path_under_fastapi(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    app.mount("/jobs", inngest.asgi.serve(client, functions, serve_path="/api/inngest"))
    return app


@case("/api/inngest/", by_uvicorn)
def bare_asgi_at_its_mount_under_starlette(client: inngest.Inngest, functions: Functions) -> Starlette:
    return Starlette(routes=[Mount("/api/inngest", inngest.asgi.serve(client, functions))])


@case("/api/inngest/", by_uvicorn)
def bare_asgi_at_the_root_of_its_mount(client: inngest.Inngest, functions: Functions) -> Starlette:
    return Starlette(routes=[Mount("/api/inngest", inngest.asgi.serve(client, functions, serve_path="/"))])


@case("/jobs/api/inngest", by_waitress)
def bare_wsgi_at_a_path_under_flask(client: inngest.Inngest, functions: Functions) -> flask.Flask:
    outer = flask.Flask("outer")
    mounts: dict[str, WSGIApplication] = {"/jobs": inngest.wsgi.serve(client, functions, serve_path="/api/inngest")}
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, mounts)  # type: ignore[method-assign]  # as Flask says
    return outer


@case("/api/inngest", by_waitress)
def bare_wsgi_at_its_mount(client: inngest.Inngest, functions: Functions) -> Any:
    return DispatcherMiddleware(NotFound(), {"/api/inngest": inngest.wsgi.serve(client, functions)})


@pytest.mark.parametrize("mounted", CASES.values(), ids=CASES.keys())
def test_what_is_registered_answers(mounted: Case, engine: EngineDouble) -> None:
    with shop_at(engine) as served:
        app = mounted.make(served.client, served.functions)
        with mounted.serving(app, [served.client]) as port, proxy(port) as origin:
            expect_answers(origin + mounted.path, served.functions, engine)


def test_flask_blueprints_of_several_subdomains(engine: EngineDouble) -> None:
    """The path is the same, and the host says whose functions are meant; a proxy for each passes it on."""
    with shop_at(engine, "first") as first, shop_at(engine, "second") as second:
        app = flask.Flask("shop", subdomain_matching=True)
        app.config["SERVER_NAME"] = "shop.example"
        for served in (first, second):
            blueprint = flask.Blueprint(served.client.app_id, __name__, subdomain=served.client.app_id)
            inngest.flask.serve(blueprint, served.client, served.functions)
            app.register_blueprint(blueprint)
        with by_waitress(app, []) as port:
            for served in (first, second):
                host = f"{served.client.app_id}.shop.example"
                with proxy(port, says={"Host": host}) as origin:
                    registered = register(f"{origin}/api/inngest", engine)
                    assert registered.url == f"http://{host}/api/inngest"
                    assert list(registered.calls) == [function.id for function in served.functions]
                    for fn_id, url in registered.calls.items():
                        assert call(url.replace(f"http://{host}", origin)) == (200, {"ran": fn_id})
