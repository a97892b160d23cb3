"""Tornado: rules for a constructor, their names, and waiting for calls at shutdown."""

from __future__ import annotations

import asyncio

import pytest
from tornado.routing import HostMatches
from tornado.web import Application, RequestHandler

import inngest
import inngest.tornado
from tests.stage.shop import BODY, Shop, expect_ran, query, shop, shop_of
from tests.targets.tornado_app import call_tornado

PATH = "/api/inngest"


class Page(RequestHandler):
    """Any other page."""


def test_rules_have_names_for_reverse_url() -> None:
    with shop() as first, shop() as second:
        app = Application(
            [
                *inngest.tornado.rules(first.client, first.functions),
                *inngest.tornado.rules(second.client, second.functions, name="jobs", serve_path="/jobs/inngest"),
                (".*", Page),
            ]
        )
        assert app.reverse_url("inngest") == PATH
        assert app.reverse_url("jobs") == "/jobs/inngest"
        for path in (PATH, "/jobs/inngest"):
            expect_ran(asyncio.run(call_tornado(app, "POST", path, query("plain"), {}, BODY)), "plain")
        with pytest.raises(inngest.InngestError, match=f"functions are served at {PATH} of this app already"):
            inngest.tornado.serve(app, first.client, first.functions)
        other = Application([])
        inngest.tornado.serve(other, first.client, first.functions)
        assert other.reverse_url("inngest") == PATH


@pytest.mark.parametrize("name", ["inngest", "jobs"])
@pytest.mark.parametrize("is_nested", [False, True])
def test_a_constructor_refuses_two_endpoints_at_one_path(name: str, is_nested: bool) -> None:
    with shop() as first, shop() as second:
        rules = [
            *inngest.tornado.rules(first.client, first.functions),
            *inngest.tornado.rules(second.client, second.functions, name=name),
        ]
        with pytest.raises(inngest.InngestError, match=f"functions are served at {PATH} of this app already") as raised:
            Application([(".*", rules)] if is_nested else rules)
        assert "give each further client a serve_path of its own" in str(raised.value)


def test_one_path_may_serve_others_on_another_host_and_in_another_application() -> None:
    with shop() as first, shop() as second:
        ours = inngest.tornado.rules(first.client, first.functions)
        theirs = inngest.tornado.rules(second.client, second.functions)
        app = Application([(HostMatches("one.example"), ours), (HostMatches("shop.example"), theirs)])
        expect_ran(asyncio.run(call_tornado(app, "POST", PATH, query("plain"), {}, BODY)), "plain")
        for rules in (ours, theirs):
            assert Application([*rules]).reverse_url("inngest") == PATH


class Held(Shop):
    """Its async function waits to be let go."""

    def __init__(self, client: inngest.Inngest) -> None:
        super().__init__(client)
        self.started, self.go_on = asyncio.Event(), asyncio.Event()

    async def visit_async(self) -> None:
        self.started.set()
        await self.go_on.wait()


@pytest.mark.parametrize("is_within_another", [False, True])
def test_calls_are_waited_for(is_within_another: bool) -> None:
    with shop_of(Held) as served:

        async def play() -> None:
            app = Application([*inngest.tornado.rules(served.client, served.functions)])
            app = Application([(".*", app)]) if is_within_another else app
            assert await inngest.tornado.wait_for_calls(app) == 0
            call = asyncio.create_task(call_tornado(app, "POST", PATH, query("async"), {}, BODY))
            await served.started.wait()
            assert await inngest.tornado.wait_for_calls(app, timeout=0.01) == 1
            asyncio.get_running_loop().call_soon(served.go_on.set)
            assert await inngest.tornado.wait_for_calls(app) == 0
            expect_ran(await call, "async")

        asyncio.run(play())


def test_what_is_no_application_has_no_calls_to_wait_for() -> None:
    with pytest.raises(inngest.InngestError, match="app is a str; give a"):
        asyncio.run(inngest.tornado.wait_for_calls("app"))  # type: ignore[arg-type]
