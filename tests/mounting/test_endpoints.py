"""Several endpoints in one app, and app factories that run more than once in a process."""

from __future__ import annotations

import pytest

import inngest
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import Shop

from .apps import FRAMEWORKS, Endpoint, Framework
from .proxy import proxy
from .registered_urls import ask, expect_answers, shop_at

pytestmark = pytest.mark.live

EVERY = pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS.keys())


@EVERY
def test_two_clients_in_one_app(framework: Framework, engine: EngineDouble) -> None:
    with shop_at(engine, "first") as first, shop_at(engine, "second") as second:
        app = framework.make(
            [
                Endpoint(first.client, first.functions, "/first/inngest"),
                Endpoint(second.client, second.functions, "/second/inngest"),
            ]
        )
        with framework.serving(app, [first.client, second.client]) as port, proxy(port) as origin:
            expect_answers(f"{origin}/first/inngest", first.functions, engine)
            expect_answers(f"{origin}/second/inngest", second.functions, engine)


@EVERY
def test_one_client_at_two_paths(framework: Framework, engine: EngineDouble) -> None:
    with shop_at(engine) as served:
        halves = [[function] for function in served.functions]
        app = framework.make(
            [
                Endpoint(served.client, halves[0], "/first/inngest"),
                Endpoint(served.client, halves[1], "/second/inngest"),
            ]
        )
        with framework.serving(app, [served.client]) as port, proxy(port) as origin:
            expect_answers(f"{origin}/first/inngest", halves[0], engine)
            expect_answers(f"{origin}/second/inngest", halves[1], engine)


@EVERY
def test_a_factory_that_runs_twice_with_one_client(framework: Framework, engine: EngineDouble) -> None:
    with shop_at(engine) as served:
        for _ in range(2):
            again = Shop(served.client)
            app = framework.make([Endpoint(again.client, again.functions)])
            with framework.serving(app, [served.client]) as port, proxy(port) as origin:
                expect_answers(f"{origin}/api/inngest", again.functions, engine)


@EVERY
def test_apps_of_a_factory_side_by_side(framework: Framework, engine: EngineDouble) -> None:
    """A client each, of the same name, and both are there at once."""

    def make(served: Shop) -> object:
        return framework.make([Endpoint(served.client, served.functions)])

    with shop_at(engine) as first, shop_at(engine) as second:
        apps = make(first), make(second)
        with (
            framework.serving(apps[0], [first.client]) as first_port,
            framework.serving(apps[1], [second.client]) as second_port,
            proxy(first_port) as first_origin,
            proxy(second_port) as second_origin,
        ):
            expect_answers(f"{first_origin}/api/inngest", first.functions, engine)
            expect_answers(f"{second_origin}/api/inngest", second.functions, engine)


def test_the_same_function_twice_in_one_endpoint_is_refused_everywhere(engine: EngineDouble) -> None:
    with shop_at(engine) as served:
        twice = Endpoint(served.client, [served.functions[0], served.functions[0]])
        for framework in FRAMEWORKS.values():
            with pytest.raises(inngest.InngestError, match="is defined twice"):
                framework.make([twice])


@EVERY
def test_a_slash_at_the_end(framework: Framework, engine: EngineDouble) -> None:
    """One that is configured is left out. One that is asked for is answered, and registered so, or it is not."""
    with shop_at(engine) as served:
        app = framework.make([Endpoint(served.client, served.functions, "/jobs/inngest/")])
        with framework.serving(app, [served.client]) as port, proxy(port) as origin:
            expect_answers(f"{origin}/jobs/inngest", served.functions, engine)
            engine.reset({"POST /fn/register": [(200, {"ok": True})]})
            status = ask("PUT", f"{origin}/jobs/inngest/").status
            if status == 200:
                expect_answers(f"{origin}/jobs/inngest/", served.functions, engine)
            else:
                assert status in (307, 404)
                assert engine.requests == []
