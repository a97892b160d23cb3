"""Proxies that take a prefix off, or put one on: the app is told, and registers the URL before the proxy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import override_settings
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.stage.engine_api import EngineDouble
from tests.stage.servers import Serving, by_hypercorn

from .apps import FRAMEWORKS, PATH, Endpoint, Framework
from .proxy import proxy
from .registered_urls import expect_answers, register, shop_at

pytestmark = pytest.mark.live

PREFIX = "/backend"
EVERY = pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS.keys())


def unchanged(app: Any) -> Any:
    return app


def trusting_the_prefix(app: Any) -> Any:
    return ProxyFix(app, x_for=0, x_proto=0, x_prefix=1)


@dataclass(frozen=True, slots=True)
class Telling:
    """A way to tell an app under which prefix it is seen.

    serving: another server than the usual one. server: its options. settings: Django's. wrap: a middleware around the
    app. says: what the proxy says.
    """

    framework: str
    serving: Serving | None = None
    server: Mapping[str, Any] = field(default_factory=dict[str, Any])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wrap: Callable[[Any], Any] = unchanged
    says: Mapping[str, str] = field(default_factory=dict[str, str])


SCRIPT_NAME = {"url_prefix": PREFIX}
ROOT_PATH = {"root_path": PREFIX}
FORCED = {"FORCE_SCRIPT_NAME": PREFIX}
SAID = {"X-Forwarded-Prefix": PREFIX}

TELLING = {
    "flask by SCRIPT_NAME": Telling("flask", server=SCRIPT_NAME),
    "flask by a header": Telling("flask", wrap=trusting_the_prefix, says=SAID),
    "flask by a header with a slash": Telling(
        "flask", wrap=trusting_the_prefix, says={"X-Forwarded-Prefix": f"{PREFIX}/"}
    ),
    "wsgi by SCRIPT_NAME": Telling("wsgi", server=SCRIPT_NAME),
    "wsgi by a header": Telling("wsgi", wrap=trusting_the_prefix, says=SAID),
    "fastapi by root_path": Telling("fastapi", server=ROOT_PATH),
    "fastapi by root_path of hypercorn": Telling("fastapi", by_hypercorn, ROOT_PATH),
    "starlette by root_path": Telling("starlette", server=ROOT_PATH),
    "starlette by root_path with a slash": Telling("starlette", server={"root_path": f"{PREFIX}/"}),
    "starlette by root_path of hypercorn": Telling("starlette", by_hypercorn, ROOT_PATH),
    "asgi by root_path": Telling("asgi", server=ROOT_PATH),
    "asgi by root_path with a slash": Telling("asgi", server={"root_path": f"{PREFIX}/"}),
    "asgi by root_path of hypercorn": Telling("asgi", by_hypercorn, ROOT_PATH),
    "asgi by root_path that begins as the path does": Telling("asgi", by_hypercorn, {"root_path": "/ap"}),
    "django-wsgi by SCRIPT_NAME": Telling("django-wsgi", server=SCRIPT_NAME),
    "django-wsgi by a setting": Telling("django-wsgi", settings=FORCED),
    "django-wsgi by a header": Telling("django-wsgi", wrap=trusting_the_prefix, says=SAID),
    "django-asgi by root_path": Telling("django-asgi", server=ROOT_PATH),
    "django-asgi by root_path of hypercorn": Telling("django-asgi", by_hypercorn, ROOT_PATH),
    "django-asgi by a setting": Telling("django-asgi", settings=FORCED),
}


@pytest.mark.parametrize("telling", TELLING.values(), ids=TELLING.keys())
def test_a_proxy_takes_a_prefix_off_and_the_app_is_told(telling: Telling, engine: EngineDouble) -> None:
    framework = FRAMEWORKS[telling.framework]
    serving = telling.serving or framework.serving
    prefix = str(telling.server.get("root_path", PREFIX)).rstrip("/")
    with shop_at(engine) as served, override_settings(**telling.settings):
        app = telling.wrap(framework.make([Endpoint(served.client, served.functions)]))
        with (
            serving(app, [served.client], **telling.server) as port,
            proxy(port, strips=prefix, says=telling.says) as origin,
        ):
            expect_answers(origin + prefix + PATH, served.functions, engine)


@EVERY
def test_an_app_that_is_not_told_cannot_know(framework: Framework, engine: EngineDouble) -> None:
    """Nor does it believe a header that nobody asked it to believe."""
    with shop_at(engine) as served:
        app = framework.make([Endpoint(served.client, served.functions)])
        with (
            framework.serving(app, [served.client]) as port,
            proxy(port, strips=PREFIX, says={**SAID, "X-Script-Name": PREFIX, "Script-Name": PREFIX}) as origin,
        ):
            assert register(origin + PREFIX + PATH, engine).url == origin + PATH


# --- options of ours, which are the same in every framework

PATHS = {
    "takes off": (f"{PREFIX}{PATH}", PATH, {"strips": PREFIX}),
    "puts on": (PATH, f"/internal{PATH}", {"adds": "/internal"}),
    "changes": (f"{PREFIX}/jobs", "/internal/jobs", {"strips": PREFIX, "adds": "/internal"}),
}
REWRITING = pytest.mark.parametrize(("public", "own", "rewriting"), PATHS.values(), ids=PATHS.keys())


@EVERY
@REWRITING
def test_public_path(framework: Framework, public: str, own: str, rewriting: Any, engine: EngineDouble) -> None:
    with shop_at(engine) as served:
        app = framework.make([Endpoint(served.client, served.functions, own, {"public_path": public})])
        with framework.serving(app, [served.client]) as port, proxy(port, **rewriting) as origin:
            expect_answers(origin + public, served.functions, engine)


@EVERY
def test_inngest_serve_path(framework: Framework, engine: EngineDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNGEST_SERVE_PATH", PREFIX + PATH)
    with shop_at(engine) as served:
        app = framework.make([Endpoint(served.client, served.functions)])
        with framework.serving(app, [served.client]) as port, proxy(port, strips=PREFIX) as origin:
            expect_answers(origin + PREFIX + PATH, served.functions, engine)


@EVERY
def test_a_path_that_needs_quoting(framework: Framework, engine: EngineDouble) -> None:
    """Tornado matches paths as they were sent, so there it is given quoted."""
    own = "/caf%C3%A9" if framework is FRAMEWORKS["tornado"] else "/café"
    with shop_at(engine) as served:
        app = framework.make([Endpoint(served.client, served.functions, own, {"public_path": "/öffentlich/café"})])
        with framework.serving(app, [served.client]) as port, proxy(port, strips="/%C3%B6ffentlich") as origin:
            expect_answers(f"{origin}/%C3%B6ffentlich/caf%C3%A9", served.functions, engine)
        app = framework.make([Endpoint(served.client, served.functions, own)])
        with framework.serving(app, [served.client]) as port, proxy(port) as origin:
            expect_answers(f"{origin}/caf%C3%A9", served.functions, engine)
