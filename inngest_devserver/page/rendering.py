"""Makes answers of templates, with the headers that keep a page to itself. Knows no subject of a page.

Jinja2 is loaded with the first page: most engines in tests never show one.
"""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

from inngest_core.protocol.wire import VERSION
from inngest_core.web.messages import Response
from inngest_devserver.http.answers import APIError
from inngest_devserver.masking import MASK

from . import assets, json_text, words

_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": _POLICY,
    "cache-control": "no-store",
    # The login form returns to where one was, which it learns from the referrer; it is told to nobody else.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_MISSING = (
    "The page of the engine needs the package jinja2, which is not installed here:\n\n"
    '    pip install "inngest-suite[dev-server]"\n\n'
    "The engine works without it, and so does its API: /api/v2/openapi.json\n"
)


has_session: ContextVar[bool] = ContextVar("has_session", default=False)
"""Whether the browser that is answered could log out."""


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Return a template, filled in; a text that says what to install where Jinja2 is missing."""
    environment = _environment()
    if environment is None:
        return Response(501, {**HEADERS, "content-type": "text/plain; charset=utf-8"}, _MISSING.encode())
    text: str = environment.get_template(template).render({**values, "has_session": has_session.get()})
    # A lone surrogate, which JSON allows and UTF-8 does not, is shown as JSON spells it.
    return Response(status, HEADERS, text.encode("utf-8", "backslashreplace"))


def redirect(to: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that leads on to a path of this engine, after something was done."""
    return Response(303, {"location": to, "cache-control": "no-store", **(headers or {})}, b"")


def segment(text: str) -> str:
    """Return a text as one segment of a path: an id may hold a slash, a question mark, or any other character."""
    return urllib.parse.quote(text, safe="")


def refuse(error: APIError) -> Response:
    """Return an error as people are told it; whoever has no token is asked for one."""
    if error.status == 401:
        return page("login.html", 401, failed=False)
    return page("error.html", error.status, message=error.message, code=error.status)


def login_failed() -> Response:
    return page("login.html", 401, failed=True)


@functools.cache
def _environment() -> Any:
    try:
        import jinja2
    except ImportError:
        return None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    given: dict[str, Any] = {"version": VERSION, "static": assets.path_of, "mask": MASK}
    cast("dict[str, Any]", environment.globals).update(given)
    filters: dict[str, Any] = {
        "json": json_text.marked_up,
        "pretty": json_text.pretty,
        "in_short": json_text.in_short,
        "with_times": words.with_times,
        "iso": words.iso_of,
        "clock": words.clock,
        "duration": words.duration,
        "plural": words.plural,
        "segment": segment,
    }
    environment.filters.update(filters)
    return environment
