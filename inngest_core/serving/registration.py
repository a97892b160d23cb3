"""PUT: registration. Out of band, the app sends its functions to the engine's API; in band, they are the answer.

Who may ask was decided before, and answers are signed after. Never answers 200 when the registration failed. See
docs/protocol.md, Registration.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from inngest_core.config import Config, Mode, parse_origin
from inngest_core.error_text import SHORT_MESSAGE, cut, headline
from inngest_core.errors import (
    BodyInvalidError,
    MiddlewareError,
    RegistrationError,
    ServerKindMismatchError,
    URLInvalidError,
)
from inngest_core.execution.answer import Answer
from inngest_core.function import Function
from inngest_core.middleware.hooks import Hooks
from inngest_core.middleware.values import Registration
from inngest_core.protocol.wire import (
    SDK_LANGUAGE,
    VERSION,
    Header,
    Query,
    SyncKind,
    dump_json,
    json_kind,
    parse_object,
    strip_nulls,
)
from inngest_core.runtime.effects import Flow, Invoke
from inngest_core.web.messages import SAFE_IN_PATH, Request

from .authentication import Signer, asks_in_band
from .introspection import Endpoint, capabilities, dump_introspection, other_mode
from .options import ServeOptions

SDK_AUTHOR = "inngest"

_HOST = re.compile(r"([\w.~%!$&'()*+,;=-]+|\[[\w.~%:-]+\])(:\d{0,5})?|", re.ASCII)
"""What may be the host in a URL (RFC 3986), without a user; nothing is fine, too, as there may be no Host header."""
_NOT_ADVERTISED = frozenset({Query.DEPLOY_ID.value, Query.FUNCTION_ID.value, Query.STEP_ID.value, Query.PROBE.value})


def register(endpoint: Endpoint, request: Request, signer: Signer) -> Flow[Answer]:
    """Answer a PUT that may be answered: in band when it asks for that and it is allowed, else out of band.

    signer: who signed the request. Raises ServerKindMismatchError; BodyInvalidError: an in-band body without a usable
    URL; URLInvalidError.
    """
    config = endpoint.client.config
    mode = other_mode(request, config)
    if mode is not None:
        raise ServerKindMismatchError(_mismatch(mode, config))
    if asks_in_band(request.headers, config):
        return (yield from register_in_band(endpoint, request, signer))
    return (yield from register_out_of_band(endpoint, request))


def register_in_band(endpoint: Endpoint, request: Request, signer: Signer) -> Flow[Answer]:
    """Return the whole registration as the answer to a PUT."""
    client, config = endpoint.client, endpoint.client.config
    url = advertised_url(_asked_url(request), endpoint.options, config)
    body: dict[str, object] = {
        "app_id": client.app_id,
        "appVersion": client.app_version,
        "capabilities": capabilities(config),
        "env": config.env,
        "framework": endpoint.framework,
        "functions": (yield from _functions_after_hooks(endpoint, url, request)),
        "inspection": dump_introspection(endpoint, signer),
        "platform": config.platform,
        "sdk_author": SDK_AUTHOR,
        "sdk_language": SDK_LANGUAGE,
        "sdk_version": VERSION,
        "url": url,
    }
    return Answer(200, strip_nulls(body), {Header.SYNC_KIND.value: SyncKind.IN_BAND.value})


def register_out_of_band(endpoint: Endpoint, request: Request) -> Flow[Answer]:
    """Tell the engine's API about the functions and answer how that went.

    200 with `message`, `modified` and what the engine returned; otherwise the engine's own 4xx, or 500, with a coded
    error and `modified: false`.
    """
    client, config = endpoint.client, endpoint.client.config
    _check_host(request.headers.get(Header.HOST, ""))
    url = advertised_url(request.url, endpoint.options, config)
    registration: dict[str, object] = {
        "url": url,
        "deployType": "ping",
        "appName": client.app_id,
        "appVersion": client.app_version,
        "sdk": f"{SDK_LANGUAGE}:v{VERSION}",
        "v": "0.1",
        "framework": endpoint.framework,
        "capabilities": capabilities(config),
        "functions": (yield from _functions_after_hooks(endpoint, url, request)),
    }
    try:
        answered = yield from client.engine_api.register(
            strip_nulls(registration), framework=endpoint.framework, deploy_id=_deploy_id(request.url)
        )
    except RegistrationError as error:
        return _failed(error)
    body: dict[str, object] = {
        **strip_nulls(answered),
        "message": "Successfully registered",
        "modified": answered.get("modified") is True,
    }
    return Answer(200, body, _OUT_OF_BAND)


def _functions_after_hooks(endpoint: Endpoint, url: str, request: Request) -> Flow[list[dict[str, object]]]:
    """Return the configurations as the `on_register` hooks of the client leave them."""
    client, functions = endpoint.client, dump_functions(endpoint.functions, url)
    if not client.middleware:
        return functions
    hooks = Hooks(client.middleware, client, request.raw, client.resources, asynchronous=False)
    registration = Registration(url, functions)
    flow = hooks.run("on_register", registration)
    if hooks.any_async("on_register"):
        yield Invoke(flow, is_async=True)
    else:
        yield from flow
    try:
        dump_json(registration.functions)
    except (TypeError, ValueError) as error:
        raise MiddlewareError(f"an on_register hook left functions that are not JSON: {headline(error)}") from error
    return registration.functions


def dump_functions(functions: Sequence[Function[Any]], url: str) -> list[dict[str, object]]:
    """Return all function configurations on the wire, failure handlers included."""
    return [config for function in functions for config in function.get_config(url)]


def advertised_url(request_url: str, options: ServeOptions, config: Config) -> str:
    """Return the URL that the engine is to call: that of the PUT, with the configured origin and path in it.

    The origin is `serve_origin`, else INNGEST_SERVE_ORIGIN; the path is `public_path`, else INNGEST_SERVE_PATH, else
    an explicit `serve_path`. Query keys of the protocol are left out; others, such as a proxy's token, are kept.
    Raises URLInvalidError when `serve_origin` or the URL of the request is none.
    """
    try:
        parts = urllib.parse.urlsplit(request_url)
    except ValueError as error:
        raise URLInvalidError(f"the request came to {request_url!r}, which is not a URL: {error}") from None
    given_origin = options.get("serve_origin")
    origin = parse_origin(given_origin, "serve_origin") if given_origin else config.serve_origin
    if origin is not None:
        given = urllib.parse.urlsplit(origin)
        parts = parts._replace(scheme=given.scheme, netloc=given.netloc)
    path = options.get("public_path") or config.serve_path or _explicit_path(parts.path, options)
    if path:
        quoted = urllib.parse.quote(path.lstrip("/"), safe=f"{SAFE_IN_PATH}%")  # it may be quoted already
        parts = parts._replace(path=f"/{quoted}")
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in query if key not in _NOT_ADVERTISED]
    encoded = urllib.parse.urlencode(kept, quote_via=urllib.parse.quote, errors="replace")
    return urllib.parse.urlunsplit(parts._replace(query=encoded, fragment=""))


def _explicit_path(path: str, options: ServeOptions) -> str | None:
    """Return the explicit serve_path, unless the request came to it, under a mount prefix or not."""
    serve_path = options.get("serve_path")
    if serve_path is None:
        return None
    came, wanted = (urllib.parse.unquote(each).rstrip("/") for each in (path, serve_path))
    return None if came.endswith(wanted) else serve_path


def _check_host(host: str) -> None:
    """Refuse a Host header that would become path, query or user name of the URL that engines call."""
    if _HOST.fullmatch(host) is None:
        raise URLInvalidError(
            f"the Host header of the request is {cut(host, SHORT_MESSAGE)!r}, which is not a host name; "
            "send the request to the address of this app, or have the proxy in front of it set Host"
        )


def _asked_url(request: Request) -> str:
    url = parse_object(request.body).get("url")
    if not isinstance(url, str):
        raise BodyInvalidError(f"url is a JSON {json_kind(url)}; expected the URL of this app as a string")
    try:
        parse_origin(url.partition("?")[0], "url")
    except URLInvalidError as error:
        raise BodyInvalidError(error.message) from None
    return url


def _deploy_id(url: str) -> str:
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    return query.get(Query.DEPLOY_ID.value, [""])[0]


def _failed(error: RegistrationError) -> Answer:
    status = error.engine_status
    body = {
        "code": error.code,
        "message": f"registration failed: {error.message}",
        "modified": False,
        "name": type(error).__name__,
    }
    return Answer(status if status is not None and 400 <= status < 500 else 500, body, _OUT_OF_BAND)


_OUT_OF_BAND: Mapping[str, str] = {Header.SYNC_KIND.value: SyncKind.OUT_OF_BAND.value}


def _mismatch(engine_mode: Mode, config: Config) -> str:
    fix = (
        "set INNGEST_DEV=1 or give Inngest(is_production=False)"
        if engine_mode is Mode.DEV
        else "unset INNGEST_DEV or give Inngest(is_production=True)"
    )
    return (
        f"a {engine_mode.value} engine speaks to an app in {config.mode.value} mode (because of "
        f"{config.mode_reason}); if that is meant, {fix}"
    )
