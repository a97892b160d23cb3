"""Serves functions from a Tornado application: `serve` for one that is there, `rules` for its constructor.

It adds and finds rules, and nothing else; what they do is in `exchange`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any, Unpack

from tornado.routing import PathMatches, Rule, RuleRouter
from tornado.web import Application

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.arguments import check_app, refuse_second_endpoint
from inngest_core.serving.options import ServeOptions

from .exchange import Endpoint
from .place import Place

__all__ = ["rules", "serve", "wait_for_calls"]

FRAMEWORK = "tornado"
NAME = "inngest"
"""Of the rule, for `reverse_url`."""


def serve(
    app: Application,
    client: Inngest,
    functions: Sequence[Function[Any]],
    **options: Unpack[ServeOptions],
) -> None:
    """Serve *functions* from a Tornado application.

    app: where the endpoint is added, before the handlers there are.
    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: path of the endpoint; "/api/inngest" by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind, or functions are served at this path already.
    FunctionConfigError: two functions share an id.
    """
    check_app(app, (Application,), "a tornado.web.Application")
    core = App(client, functions, framework=FRAMEWORK, can_stream=True, **options)
    if any(endpoint.path == core.serve_path for endpoint in _endpoints(app.default_router)):
        refuse_second_endpoint(core.serve_path)
    app.add_handlers(".*", [_rule(core, NAME)])


def rules(
    client: Inngest, functions: Sequence[Function[Any]], *, name: str = NAME, **options: Unpack[ServeOptions]
) -> list[Rule]:
    """Return the rules that serve *functions*, for `Application([...])`; put them before rules for any path.

    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    name: of the rule, for `reverse_url`; each of several clients in one application needs one.
    serve_path: path of the endpoint; "/api/inngest" by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind; a constructor that gets two such rules for one path raises it,
    too. FunctionConfigError: two functions share an id.
    """
    return [_rule(App(client, functions, framework=FRAMEWORK, can_stream=True, **options), name)]


async def wait_for_calls(app: Application, timeout: float | None = None) -> int:
    """Wait until the calls that are under way are answered; call it when the server has stopped listening.

    app: what serves functions, itself or in applications within it.
    timeout: seconds; None waits for as long as it takes.
    Returns how many calls are still under way, 0 when all are answered. Raises ConfigError: app is something else.
    """
    check_app(app, (Application,), "a tornado.web.Application")
    calls = {call for endpoint in _endpoints(app.default_router) for call in endpoint.calls}
    if not calls:
        return 0
    _, left = await asyncio.wait(calls, timeout=timeout)
    return len(left)


def _rule(core: App, name: str) -> Rule:
    endpoint = Endpoint(core, name)
    return Rule(PathMatches(re.escape(core.serve_path) + "$"), endpoint, name=Place(core.serve_path))


def _endpoints(router: RuleRouter) -> Iterator[Endpoint]:
    """Yield what serves functions; Tornado puts routers of its own around it."""
    for rule in router.rules:
        target: object = rule.target
        if isinstance(target, Endpoint):
            yield target
        elif isinstance(target, Application):
            yield from _endpoints(target.default_router)
        elif isinstance(target, RuleRouter):
            yield from _endpoints(target)
