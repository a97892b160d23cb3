"""Asks a running app where it serves functions: one GET per likely path. Guesses no ports, starts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from http import client as http_client
from urllib.parse import quote

from inngest_core.errors import HeaderMissingError, InngestError, SigningKeyMissingError
from inngest_core.protocol import wire

from . import loading

LOOPBACK = "127.0.0.1"
DEFAULT_SERVE_PATH = "/api/inngest"
INTROSPECTION_SECONDS = 10.0


class HostError(Exception):
    """The app could not be started; the message is one line for the user."""


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
    answers = {at: introspect(port, at) for at in dict.fromkeys(tried)}
    found = [answer for answer in answers.values() if isinstance(answer, Endpoint)]
    if found:
        return found
    attempts = ", ".join(f"{at} ({answer})" for at, answer in answers.items())
    if path:
        raise HostError(f"{target} does not serve functions at --path {path}: {answers[path]}")
    unserved = "" if loaded.served else "importing it called no inngest serve(); "
    raise HostError(f"no functions found in {target}: {unserved}tried {attempts}; say where it serves with --path")


def introspect(port: int, path: str) -> Endpoint | str:
    """Return what serves at *path*, or why nothing of ours does."""
    connection = http_client.HTTPConnection(LOOPBACK, port, timeout=INTROSPECTION_SECONDS)
    try:
        connection.request("GET", quote(path, safe="/%:@!$&'()*+,;=~"), headers={"accept": "application/json"})
        response = connection.getresponse()
        if not any(response.getheader(name) for name in (wire.Header.SDK, wire.Header.SDK_HANDLED)):
            return f"status {response.status}, not from an Inngest SDK"
        answer = wire.parse_object(response.read())
        # An app in cloud mode answers nothing else to a stranger, nor to anybody while it has no key.
        refused = answer.get("code") in (HeaderMissingError.code, SigningKeyMissingError.code)
        mode = "cloud" if refused else str(answer.get("mode", ""))
        return Endpoint(path, mode, int(answer.get("function_count", 0)))
    except (OSError, http_client.HTTPException, InngestError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
