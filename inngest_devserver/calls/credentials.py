"""User names and passwords in the URLs of apps: sent as HTTP Basic auth to the origin that they were given for.

An app registers its functions without the password of the URL at which it was found, so an origin is remembered.
Shows and stores nothing.
"""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Mapping


class Credentials:
    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int | None], str] = {}

    def add(self, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers of a request to *url*, with `authorization` if its origin has a user; learn from it.

        Raises ValueError: the port is none.
        """
        if not self._known and "@" not in url:
            return headers
        parts = urllib.parse.urlsplit(url)
        origin = (parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme))
        if parts.username is not None or parts.password is not None:
            pair = f"{urllib.parse.unquote(parts.username or '')}:{urllib.parse.unquote(parts.password or '')}"
            self._known[origin] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        value = self._known.get(origin)
        return headers if value is None else {"authorization": value, **headers}
