"""Flask: functions of an app that are called by a worker, where there is no request, have the context of the app."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from inngest.connect import Worker
from inngest_cli.worker_targets import Pair, load_served
from inngest_connect.messages import ExecutorRequest, ReplyStatus
from inngest_connect.served import Served
from tests.stage.shop import BODY

SHOP = """
    import asyncio
    import flask
    import inngest
    import inngest.flask
    from inngest.connect import connect

    class Hook(inngest.MiddlewareSync):
        def before_response(self):
            seen.append(("hook", flask.current_app.name))

    seen = []
    client = inngest.Inngest(app_id="shop", is_production=False, checkpointing=False, middleware=[Hook])
    trigger = inngest.TriggerEvent(event="test/go")

    def look():
        flask.g.count = flask.g.get("count", 0) + 1
        return [flask.current_app.name, flask.url_for("page"), flask.g.count]

    @client.create_function(fn_id="plain", trigger=trigger)
    def plain(ctx):
        look()
        return ctx.step.run("look", look)

    @client.create_function(fn_id="async", trigger=trigger)
    async def asynchronous(ctx):
        async def look_later():
            await asyncio.sleep(0)
            return await asyncio.to_thread(look)

        look()
        return await ctx.step.run("look", look_later)

    extension = inngest.flask.Extension(client, [plain, asynchronous])

    def create_app(name="shop"):
        app = flask.Flask(name)
        app.config["SERVER_NAME"] = name + ".example"
        app.add_url_rule("/page", "page", lambda: "")
        app.teardown_appcontext(lambda _: seen.append(("teardown", name, flask.g.count)))
        extension.init_app(app)
        return app

    def third():
        return create_app("third")

    app = create_app()
    other = create_app("other")

    bare = flask.Flask("bare")
    bare.config["SERVER_NAME"] = "bare.example"
    bare.add_url_rule("/page", "page", lambda: "")
    jobs = flask.Blueprint("jobs", __name__, url_prefix="/jobs")
    inngest.flask.serve(jobs, client, [plain, asynchronous])
    bare.register_blueprint(jobs)

    by_hand = flask.Flask("by hand")
    by_hand.config["SERVER_NAME"] = "hand.example"
    by_hand.add_url_rule("/page", "page", lambda: "")
    inngest.flask.serve(by_hand, client, [plain, asynchronous])

    served = other.extensions["inngest"]
    pairs = [(served.client, served.functions)]
"""


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], list[Pair]]]:
    """Load a target of `inngest worker` from a module shop."""
    (tmp_path / "shop.py").write_text(textwrap.dedent(SHOP))

    def load(target: str) -> list[Pair]:
        served = load_served(target, tmp_path)
        assert not isinstance(served, Worker)
        return served

    yield load
    sys.modules.pop("shop", None)
    sys.path.remove(str(tmp_path))


def call(pairs: list[Pair], kind: str) -> Any:
    """Call a function as a worker does; return what its step found."""

    async def answer() -> Any:
        request = ExecutorRequest(app_name="shop", function_slug=f"shop-{kind}", request_payload=BODY)
        return await Served(pairs).answer(request)

    reply = asyncio.run(answer())
    assert reply.status is ReplyStatus.NOT_COMPLETED, reply.body
    return json.loads(reply.body)[0]["data"]


APPS = {
    "shop:app": ("shop", "http://shop.example/page"),
    "shop:other": ("other", "http://other.example/page"),
    "shop:third()": ("third", "http://third.example/page"),
    "shop:bare": ("bare", "http://bare.example/page"),
    "shop:by_hand": ("by hand", "http://hand.example/page"),
    "shop:pairs": ("other", "http://other.example/page"),
    "shop": ("shop", "http://shop.example/page"),
    "shop:plain": ("shop", "http://shop.example/page"),
    "shop:client": ("shop", "http://shop.example/page"),
}


@pytest.mark.parametrize("target", APPS)
def test_the_context_is_that_of_the_app_that_was_named(load: Callable[[str], list[Pair]], target: str) -> None:
    name, url = APPS[target]
    pairs = load(target)
    assert call(pairs, "plain") == [name, url, 2]


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_it_lasts_as_long_as_a_call_with_its_hooks(load: Callable[[str], list[Pair]], kind: str) -> None:
    pairs = load("shop:app")
    seen: list[object] = sys.modules["shop"].seen
    for _ in range(2):
        assert call(pairs, kind) == ["shop", "http://shop.example/page", 2]
        assert seen == [("hook", "shop"), ("teardown", "shop", 2)]
        seen.clear()


def test_a_request_keeps_its_own_context(load: Callable[[str], list[Pair]]) -> None:
    load("shop:app")
    app: flask.Flask = sys.modules["shop"].app
    app.before_request(begin_at_40)
    answer = app.test_client().post("/api/inngest?fnId=shop-plain&stepId=step", data=BODY)
    assert answer.get_json()[0]["data"] == ["shop", "/page", 42]


def begin_at_40() -> None:
    flask.g.count = 40
