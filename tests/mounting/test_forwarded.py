"""Proxies that end TLS and change the host: what they say counts when it was asked for, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import override_settings
from hypercorn.middleware.proxy_fix import ProxyFixMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.stage.engine_api import EngineDouble
from tests.stage.servers import Serving, by_hypercorn

from .apps import FRAMEWORKS, PATH, Endpoint, Framework
from .gunicorn import by_gunicorn
from .proxy import TLS, proxy
from .registered_urls import call, expect_answers, register, shop_at

pytestmark = pytest.mark.live

EVERY = pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS.keys())


def unchanged(app: Any) -> Any:
    return app


def by_werkzeug(app: Any) -> Any:
    return ProxyFix(app, x_for=1, x_proto=1, x_host=1)


def by_hypercorns_headers(app: Any) -> Any:
    return ProxyFixMiddleware(app, mode="legacy", trusted_hops=1)


def by_hypercorns_standard(app: Any) -> Any:
    return ProxyFixMiddleware(app, mode="modern", trusted_hops=1)


PROTO = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
PROTO_AND_HOST = {**PROTO, "X-Forwarded-Host": "{host}"}
STANDARD = {"Forwarded": "for=203.0.113.7;host={host};proto=https"}


@dataclass(frozen=True, slots=True)
class Trust:
    """How an app is made to believe its proxy.

    says: what the proxy says; when the host is part of that, it passes on another. serving: another server than the
    usual one. server: its options. settings: Django's. wrap: a middleware around the app.
    """

    framework: str
    says: Mapping[str, str]
    serving: Serving | None = None
    server: Mapping[str, Any] = field(default_factory=dict[str, Any])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wrap: Callable[[Any], Any] = unchanged


WAITRESS = {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": {"x-forwarded-proto", "x-forwarded-host"}}
WAITRESS_STANDARD = {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": {"forwarded"}}
UVICORN = {"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}
DJANGO = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"), "USE_X_FORWARDED_HOST": True}

TRUSTING = {
    "flask with ProxyFix": Trust("flask", PROTO_AND_HOST, wrap=by_werkzeug),
    "flask under waitress": Trust("flask", PROTO_AND_HOST, server=WAITRESS),
    "flask under waitress by the standard": Trust("flask", STANDARD, server=WAITRESS_STANDARD),
    "wsgi with ProxyFix": Trust("wsgi", PROTO_AND_HOST, wrap=by_werkzeug),
    "django-wsgi by settings": Trust("django-wsgi", PROTO_AND_HOST, settings=DJANGO),
    "django-asgi by settings": Trust("django-asgi", PROTO_AND_HOST, settings=DJANGO),
    "fastapi under uvicorn": Trust("fastapi", PROTO, server=UVICORN),
    "starlette under uvicorn": Trust("starlette", PROTO, server=UVICORN),
    "django-asgi under uvicorn": Trust("django-asgi", PROTO, server=UVICORN),
    "asgi under uvicorn": Trust("asgi", PROTO, server=UVICORN),
    "asgi under uvicorn as it is by itself": Trust("asgi", PROTO, server={"proxy_headers": True}),
    "fastapi under hypercorn": Trust("fastapi", PROTO_AND_HOST, by_hypercorn, wrap=by_hypercorns_headers),
    "starlette under hypercorn": Trust("starlette", PROTO_AND_HOST, by_hypercorn, wrap=by_hypercorns_headers),
    "asgi under hypercorn by the standard": Trust("asgi", STANDARD, by_hypercorn, wrap=by_hypercorns_standard),
    "django-asgi under hypercorn": Trust("django-asgi", PROTO_AND_HOST, by_hypercorn, wrap=by_hypercorns_headers),
    "tornado with xheaders": Trust("tornado", PROTO, server={"xheaders": True}),
    "tornado with xheaders by its other name": Trust("tornado", {"X-Scheme": "https"}, server={"xheaders": True}),
}


@pytest.mark.parametrize("trust", TRUSTING.values(), ids=TRUSTING.keys())
def test_what_a_trusted_proxy_says_counts(trust: Trust, engine: EngineDouble, tls: TLS) -> None:
    framework = FRAMEWORKS[trust.framework]
    serving = trust.serving or framework.serving
    keeps_host = not any("{host}" in text for text in trust.says.values())
    with shop_at(engine) as served, override_settings(**trust.settings):
        app = trust.wrap(framework.make([Endpoint(served.client, served.functions)]))
        with (
            serving(app, [served.client], **trust.server) as port,
            proxy(port, says=trust.says, keeps_host=keeps_host, tls=tls) as origin,
        ):
            expect_answers(origin + PATH, served.functions, engine, tls)


FORGED = {
    "Forwarded": "for=203.0.113.7;host=evil.example;proto=https",
    "Front-End-Https": "on",
    "Script-Name": "/evil",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Ssl": "on",
    "X-Host": "evil.example",
    "X-Original-Host": "evil.example",
    "X-Original-Url": "/evil",
    "X-Real-Ip": "203.0.113.7",
    "X-Rewrite-Url": "/evil",
    "X-Scheme": "https",
    "X-Script-Name": "/evil",
}


@EVERY
def test_what_nobody_asked_to_believe_changes_nothing(framework: Framework, engine: EngineDouble) -> None:
    with shop_at(engine) as served:
        app = framework.make([Endpoint(served.client, served.functions)])
        with framework.serving(app, [served.client]) as port:
            url = f"http://127.0.0.1:{port}{PATH}"
            registered = register(url, engine, headers=FORGED)
            assert registered.url == url
            assert [call(each) for each in registered.calls.values()] == [
                (200, {"ran": fn_id}) for fn_id in registered.calls
            ]


@pytest.mark.parametrize("name", ["fastapi", "starlette", "django-asgi", "asgi"])
@pytest.mark.parametrize("serving", [None, by_hypercorn], ids=["uvicorn", "hypercorn"])
def test_another_machine_than_the_trusted_one_is_not_believed(
    name: str, serving: Serving | None, engine: EngineDouble
) -> None:
    """Nor does hypercorn believe anybody without its middleware."""
    framework = FRAMEWORKS[name]
    options = {"proxy_headers": True, "forwarded_allow_ips": "10.0.0.1"} if serving is None else {}
    with shop_at(engine) as served:
        app = framework.make([Endpoint(served.client, served.functions)])
        with (serving or framework.serving)(app, [served.client], **options) as port:
            url = f"http://127.0.0.1:{port}{PATH}"
            assert register(url, engine, headers=FORGED).url == url


def test_waitress_takes_away_what_it_does_not_trust(engine: EngineDouble) -> None:
    """As it is by itself: what is asked to believe a proxy, behind waitress, hears nothing of it."""
    framework = FRAMEWORKS["flask"]
    with shop_at(engine) as served:
        app = by_werkzeug(framework.make([Endpoint(served.client, served.functions)]))
        with framework.serving(app, [], clear_untrusted_proxy_headers=True) as port:
            url = f"http://127.0.0.1:{port}{PATH}"
            assert register(url, engine, headers=PROTO).url == url


# --- options of ours, which are the same in every framework


@EVERY
@pytest.mark.parametrize("by_variable", [False, True], ids=["option", "variable"])
def test_serve_origin(
    framework: Framework, by_variable: bool, engine: EngineDouble, tls: TLS, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports: list[int] = []
    with proxy(lambda: ports[0], keeps_host=False, tls=tls) as origin:
        if by_variable:
            monkeypatch.setenv("INNGEST_SERVE_ORIGIN", origin)
        with shop_at(engine) as served:
            options = {} if by_variable else {"serve_origin": origin}
            app = framework.make([Endpoint(served.client, served.functions, PATH, options)])
            with framework.serving(app, [served.client]) as port:
                ports.append(port)
                expect_answers(origin + PATH, served.functions, engine, tls)


# --- gunicorn, which is a process of its own

HOSTED = {
    "gthread": ("tests.mounting.hosted:make_flask()", "--worker-class=gthread"),
    "uvicorn": ("tests.mounting.hosted:make_asgi()", "--worker-class=uvicorn_worker.UvicornWorker"),
}
WORKERS = pytest.mark.parametrize(("target", "worker"), HOSTED.values(), ids=HOSTED.keys())


@WORKERS
def test_gunicorn_believes_those_it_is_told_to(target: str, worker: str, engine: EngineDouble, tls: TLS) -> None:
    with (
        by_gunicorn(target, engine.origin, worker, "--forwarded-allow-ips=127.0.0.1") as port,
        proxy(port, says=PROTO, tls=tls) as origin,
        shop_at(engine) as served,
    ):
        expect_answers(origin + PATH, served.functions, engine, tls)


@WORKERS
def test_gunicorn_believes_nobody_else(target: str, worker: str, engine: EngineDouble) -> None:
    with by_gunicorn(target, engine.origin, worker, "--forwarded-allow-ips=10.0.0.1") as port:
        url = f"http://127.0.0.1:{port}{PATH}"
        assert register(url, engine, headers=FORGED).url == url


@pytest.mark.parametrize("by_header", [False, True], ids=["variable", "header"])
def test_gunicorn_is_told_the_prefix_that_a_proxy_leaves(by_header: bool, engine: EngineDouble, tls: TLS) -> None:
    target, worker = HOSTED["gthread"]
    says, environ = ({**PROTO, "SCRIPT_NAME": "/backend"}, {}) if by_header else (PROTO, {"SCRIPT_NAME": "/backend"})
    with (
        by_gunicorn(target, engine.origin, worker, **environ) as port,
        proxy(port, says=says, tls=tls) as origin,
        shop_at(engine) as served,
    ):
        expect_answers(f"{origin}/backend{PATH}", served.functions, engine, tls)
