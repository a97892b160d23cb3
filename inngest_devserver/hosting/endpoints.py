"""Asks a running app where it serves functions, with one GET for each likely path."""

from __future__ import annotations

from dataclasses import dataclass
from http import client as http_client
from urllib.parse import quote

from inngest_core.errors import InngestError, SigningKeyMissingError
from inngest_core.protocol import wire

from . import loading

LOOPBACK = "127.0.0.1"
DEFAULT_SERVE_PATH = "/api/inngest"
INTROSPECTION_SECONDS = 10.0


class HostError(Exception):
    """The app could not be started; the message is one line for the user."""


class NotServedError(Exception):
    """No functions are served at a path; the message says what was seen instead."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the app serves functions. mode: what the app says it is in, dev or cloud."""

    path: str
    mode: str
    function_count: int


def find_endpoints(target: str, loaded: loading.Loaded, port: int, path: str | None) -> list[Endpoint]:
    """Return where the running app answers introspection; raises HostError that lists what was tried."""
    serve_paths = [served.serve_path for served in loaded.served] or [DEFAULT_SERVE_PATH]
    tried = [path] if path else [at for wanted in serve_paths for at in loading.serve_paths(loaded.app, wanted)]
    found: list[Endpoint] = []
    seen: dict[str, str] = {}
    for at in dict.fromkeys(tried):
        try:
            found.append(introspect(port, at))
        except NotServedError as error:
            seen[at] = str(error)
    if found:
        return found
    if path:
        raise HostError(f"{target} does not serve functions at --path {path}: {seen[path]}")
    attempts = ", ".join(f"{at} ({what})" for at, what in seen.items())
    unserved = "" if loaded.served else "importing it called no inngest serve(); "
    raise HostError(f"no functions found in {target}: {unserved}tried {attempts}; say where it serves with --path")


def introspect(port: int, path: str) -> Endpoint:
    """Ask what serves functions at *path*; raises NotServedError."""
    connection = http_client.HTTPConnection(LOOPBACK, port, timeout=INTROSPECTION_SECONDS)
    try:
        connection.request("GET", quote(path, safe="/%:@!$&'()*+,;=~"), headers={"accept": "application/json"})
        response = connection.getresponse()
        handled = response.getheader(wire.Header.SDK_HANDLED) is not None
        if response.getheader(wire.Header.SDK) is None and not handled:
            raise NotServedError(f"status {response.status}, not from an Inngest SDK")
        answer = wire.parse_object(response.read())
        # Without a key, or asked without a signature, an app in cloud mode answers this and nothing else.
        refused = response.status == 401 or answer.get("code") == SigningKeyMissingError.code
        mode = "cloud" if refused else str(answer.get("mode", ""))
        return Endpoint(path, mode, int(answer.get("function_count", 0)))
    except (OSError, http_client.HTTPException, InngestError, ValueError, TypeError) as error:
        raise NotServedError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
