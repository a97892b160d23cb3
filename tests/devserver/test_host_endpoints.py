"""Where apps of real frameworks serve is found by asking them, however they are put together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inngest_devserver.hosting.endpoints import Endpoint

from .hosting import host_of, hosted

pytestmark = pytest.mark.live

SHOP = """
import inngest
client = inngest.Inngest(app_id="shop", is_production=False)

@client.create_function(fn_id="welcome", trigger=inngest.TriggerEvent(event="user/signed.up"))
def welcome(ctx, step):
    return 1
"""

REAL = {
    "flask blueprint": """
import flask, inngest.flask
web = flask.Blueprint("web", __name__, url_prefix="/web")
inngest.flask.serve(web, client, [welcome], serve_path="/jobs")
def create_app():
    app = flask.Flask(__name__)
    app.register_blueprint(web)
    return app
""",
    "starlette mount": """
from starlette.applications import Starlette
from starlette.routing import Mount
import inngest.starlette
inner = Starlette()
inngest.starlette.serve(inner, client, [welcome], serve_path="/jobs")
def create_app():
    return Starlette(routes=[Mount("/web", inner)])
""",
    "fastapi router": """
import fastapi, inngest.fast_api
router = fastapi.APIRouter()
inngest.fast_api.serve(router, client, [welcome], serve_path="/jobs")
def create_app():
    app = fastapi.FastAPI()
    app.include_router(router, prefix="/web")
    return app
""",
}


@pytest.mark.parametrize("key", ["", ', signing_key="signkey-test-' + "ab" * 32 + '"'])
def test_an_app_in_cloud_mode_is_found_though_it_tells_nothing(tmp_path: Path, key: str) -> None:
    in_cloud_mode = SHOP.replace("is_production=False", f"is_production=True{key}")

    async def go() -> None:
        async with hosted(host_of(tmp_path, in_cloud_mode + REAL["flask blueprint"], target="shop:create_app")) as host:
            assert host.endpoints == (Endpoint("/web/jobs", "cloud", 0),)

    asyncio.run(go())


@pytest.mark.parametrize("kind", REAL)
def test_the_serve_path_of_real_apps_is_found(tmp_path: Path, kind: str) -> None:
    async def go() -> None:
        async with hosted(host_of(tmp_path, SHOP + REAL[kind], target="shop:create_app")) as host:
            assert host.endpoints == (Endpoint("/web/jobs", "dev", 1),)

    asyncio.run(go())


def test_two_endpoints_in_one_app_are_both_found(tmp_path: Path) -> None:
    source = """
import flask, inngest.flask
app = flask.Flask(__name__)
inngest.flask.serve(app, client, [welcome], serve_path="/one")
inngest.flask.serve(app, inngest.Inngest(app_id="other", is_production=False), [], serve_path="/two")
"""

    async def go() -> None:
        async with hosted(host_of(tmp_path, SHOP + source)) as host:
            assert [endpoint.path for endpoint in host.endpoints] == ["/one", "/two"]

    asyncio.run(go())


def test_an_app_that_refuses_whoever_does_not_sign_is_in_cloud_mode(tmp_path: Path) -> None:
    source = """
async def app(scope, receive, send):
    headers = [(b"x-inngest-sdk-handled", b"true")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"message": "Unauthorized"}'})
"""

    async def go() -> None:
        async with hosted(host_of(tmp_path, source)) as host:
            assert host.endpoints == (Endpoint("/api/inngest", "cloud", 0),)

    asyncio.run(go())
