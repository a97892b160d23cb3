"""What a form of the page sent, taken from pages of this engine only."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping

from inngest_devserver.http.answers import APIError, Call

_MOST_FIELDS = 100
_OWN = frozenset({"same-origin", "none"})


def fields_of(call: Call) -> Mapping[str, tuple[str, ...]]:
    """Return every value of each field; raises APIError when another page sent it, or no form did.

    Programs may use the API from pages of this machine. These forms are for the engine's own pages alone.
    """
    headers = call.request.headers
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    is_own = origin is None or origin.partition("://")[2] == headers.get("host")
    if not is_own or (site is not None and site not in _OWN):
        raise APIError(403, "This form was sent by another page. Open the engine's own page, and try again.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise APIError(415, f"a form was expected, and not {kind or 'a body without a type'}; programs use /api/v2")
    try:
        pairs = urllib.parse.parse_qsl(
            call.request.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise APIError(400, "the form cannot be read") from None
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


def form_of(call: Call) -> Mapping[str, str]:
    """Return the first value of each field; raises APIError as `fields_of` does."""
    return {name: values[0] for name, values in fields_of(call).items()}
