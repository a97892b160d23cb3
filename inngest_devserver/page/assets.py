"""Style sheets, scripts and icons of the page: files of this package, which browsers keep until there are others."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from inngest_core.web.messages import Response
from inngest_devserver.http.answers import APIError, Call

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_YEAR_SECONDS = 31_536_000


@functools.cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}


@functools.cache
def _version() -> str:
    digest = hashlib.sha256()
    for name, content in _files().items():
        digest.update(name.encode() + b"\n" + content)
    return digest.hexdigest()[:12]


def path_of(name: str) -> str:
    """Return the path of a file, which changes when any of them does: scripts import one another by their names."""
    return f"/static/{_version()}/{name}"


def serve(call: Call) -> Response:
    """Answer with a file, whatever version is asked for: there is only one."""
    content = _files().get(call.path["file"])
    if content is None:
        raise APIError(404, f"there is no file {call.path['file']}")
    is_current = call.path["version"] == _version()
    headers = {
        "content-type": f"{_TYPES[Path(call.path['file']).suffix]}; charset=utf-8",
        "cache-control": f"public, max-age={_YEAR_SECONDS}, immutable" if is_current else "no-cache",
        "x-content-type-options": "nosniff",
    }
    return Response(200, headers, content)
