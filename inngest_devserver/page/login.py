"""The way in: a browser exchanges the engine's token, or its signing key, for a cookie that scripts cannot read."""

from __future__ import annotations

import urllib.parse

from inngest_core.protocol.wire import Header
from inngest_core.web.messages import Response
from inngest_devserver.http.access import COOKIE, Access, Need
from inngest_devserver.http.answers import APIError, Call

from . import rendering
from .forms import form_of

_HOME = "/runs"
_OPTIONS = "Path=/; HttpOnly; SameSite=Strict"
_NO_TRACE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


class Login:
    def __init__(self, access: Access) -> None:
        self._access = access

    def enter(self, call: Call) -> Response:
        """Lead to the runs; take the token from the query, if it is there, so that no address keeps it."""
        given = call.query.get("token")
        if given is None:
            self._access.check(Need.MANAGE, call.request.headers)
            return rendering.redirect(_HOME)
        cookie = self._cookie(call, given)
        return rendering.redirect("/", {"set-cookie": cookie, **_NO_TRACE})

    def login(self, call: Call) -> Response:
        """Take the token of the login form, and return to the page that asked for it."""
        given = form_of(call).get("token", "").strip()
        try:
            cookie = self._cookie(call, given)
        except APIError:
            return rendering.login_failed()
        return rendering.redirect(_back_to(call), {"set-cookie": cookie})

    def home(self, call: Call) -> Response:
        """Lead away from the address of a login that has failed: somebody has loaded it again."""
        return rendering.redirect(_HOME)

    def logout(self, call: Call) -> Response:
        form_of(call)
        return rendering.redirect("/", {"set-cookie": f"{COOKIE}=; Max-Age=0; {_OPTIONS}"})

    def _cookie(self, call: Call, given: str) -> str:
        self._access.check(Need.MANAGE, {Header.AUTHORIZATION.value: given})
        secure = "; Secure" if call.request.url.startswith("https:") else ""
        return f"{COOKIE}={self._access.session(given)}; {_OPTIONS}{secure}"


def _back_to(call: Call) -> str:
    """Return the path of the page with the form, if it is one of ours."""
    try:
        parts = urllib.parse.urlsplit(call.request.headers.get("referer", ""))
    except ValueError:
        return _HOME
    is_ours = parts.netloc == call.request.headers.get("host") and parts.path not in ("/login", "/")
    path = "/" + parts.path.replace("\\", "/").lstrip("/")  # two slashes, of either kind, would name a host
    return f"{path}?{parts.query}" if is_ours and parts.query else path if is_ours else _HOME
