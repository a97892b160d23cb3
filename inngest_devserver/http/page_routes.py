"""The route at which a browser arrives: it exchanges the engine's token for a cookie. There is no page yet."""

from __future__ import annotations

from inngest_core.protocol.wire import VERSION, Header
from inngest_core.web.messages import Response

from .access import COOKIE, Access, Need
from .answers import APIError, Call, json_response

_COOKIE_OPTIONS = "Path=/; HttpOnly; SameSite=Strict"


class PageRoutes:
    def __init__(self, access: Access) -> None:
        self._access = access

    def enter(self, call: Call) -> Response:
        """Say what is here; with the token in the query, let the browser keep it instead of showing it."""
        if self._access.token is None:
            raise APIError(404, "there is nothing at /; the API is described at /api/v2/openapi.json")
        given = call.query.get("token")
        if given is None:
            self._access.check(Need.MANAGE, call.request.headers)
            return json_response({"engine": "inngest-suite", "version": VERSION, "api": "/api/v2/openapi.json"})
        self._access.check(Need.MANAGE, {Header.AUTHORIZATION.value: given})
        secure = "; Secure" if call.request.url.startswith("https:") else ""
        cookie = f"{COOKIE}={given}; {_COOKIE_OPTIONS}{secure}"
        # The address with the token in it is neither kept nor passed on.
        headers = {"location": "/", "set-cookie": cookie, "cache-control": "no-store", "referrer-policy": "no-referrer"}
        return Response(303, headers, b"")
