"""What `inngest doctor` checks of this machine and of the engine. Each check says one thing, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from inngest_core.protocol.wire import VERSION, Header

from .defaults import DEFAULT_PORT, LOOPBACK
from .errors import CommandError, UsageError
from .findings import Finding, NoAnswerError, Seen, look
from .functions import apps_of
from .remote import Remote

_OURS, _OFFICIAL = "inngest-suite", "inngest"
"""Distributions that both bring a package `inngest`."""
_HIGHEST_PORT = 65_535


def distributions() -> Finding:
    """Tell whether the package that is imported is the only one of its name."""
    found = [name for name in (_OURS, _OFFICIAL) if _is_installed(name)]
    if _OFFICIAL not in found:
        return Finding("package", f"{_OURS} {VERSION} is the only distribution with a package inngest")
    return Finding(
        "package",
        f"the distribution {_OFFICIAL} (the official SDK) is installed beside {_OURS}: both write the package inngest, "
        "whose files are a mixture now",
        f"pip uninstall {_OFFICIAL} {_OURS}, then pip install {_OURS} alone",
    )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


class Engine:
    """An engine that is looked at. apps: those that it knows, once `check` has asked; None when it did not say."""

    def __init__(self, remote: Remote, environ: Mapping[str, str]) -> None:
        self._remote = remote
        self._environ = environ
        self.origin = remote.origin
        self.kind = ""
        self.apps: list[Mapping[str, Any]] | None = None

    def check(self) -> Iterator[Finding]:
        """Yield what is found; the first that keeps the engine from answering is the last."""
        try:
            seen = look(f"{self.origin}/health")
        except NoAnswerError as error:
            yield self._absent(error)
            return
        self.kind = seen.headers.get(Header.SERVER_KIND, "")
        if not self.kind and not _is_health(seen):
            yield self._other_program(seen)
            return
        mode = {"dev": " in dev mode", "cloud": ", self-hosted or in the cloud"}.get(self.kind, "")
        yield Finding("engine", f"an engine answers at {self.origin}{mode}")
        yield from seen.clock("the engine")
        yield from self._environment()
        try:
            self.apps = apps_of(self._remote)
        except (CommandError, UsageError) as error:
            yield Finding("key", str(error), self._key_fix())
            return
        if not self.apps:
            yield Finding(
                "apps",
                f"no app has registered with the engine at {self.origin}",
                "start one with `inngest dev module:app`, give the engine the URL of one with -u, or have one "
                "register: curl -X PUT <its URL>",
            )

    def _absent(self, error: NoAnswerError) -> Finding:
        parts = urllib.parse.urlsplit(self.origin)
        if error.refused and parts.hostname in LOOPBACK:
            return Finding(
                "engine",
                f"no engine is running at {self.origin} ({error})",
                f"start one with `inngest dev module:app --port {parts.port or DEFAULT_PORT}`, or name another with "
                "--url; in a container, this address is the container itself",
            )
        return Finding(
            "engine",
            f"the engine at {self.origin} cannot be reached from this machine ({error})",
            "check its address, and whether a firewall or a network of containers is between; name another with --url",
        )

    def _other_program(self, seen: Seen) -> Finding:
        port = urllib.parse.urlsplit(self.origin).port or 80
        other = port + 1 if port < _HIGHEST_PORT else port - 1
        return Finding(
            "engine",
            f"port {port} is taken by a program that is not an engine: {self.origin}/health answers {seen.in_words()}",
            f"stop that program, or start the engine elsewhere: inngest dev --port {other}, and name it with --url",
        )

    def _environment(self) -> Iterator[Finding]:
        named = self._environ.get("INNGEST_DEV", "")
        if self.kind == "cloud" and named not in ("", "0", "false"):
            yield Finding(
                "mode",
                "INNGEST_DEV is set here, so apps with this environment are in dev mode, which this engine refuses",
                "unset INNGEST_DEV, and set INNGEST_BASE_URL to the engine",
            )
        if self.kind == "cloud" and not self._environ.get("INNGEST_SIGNING_KEY"):
            yield Finding(
                "key",
                "INNGEST_SIGNING_KEY is not set here, and the engine refuses answers that are not signed with it",
                "set INNGEST_SIGNING_KEY to the engine's key, here and where the app runs",
            )

    def _key_fix(self) -> str:
        if self._environ.get("INNGEST_SIGNING_KEY"):
            return (
                "set INNGEST_SIGNING_KEY to the very key of the engine, in hexadecimal, with its prefix if it has one"
            )
        return "set INNGEST_SIGNING_KEY to the engine's key, or INNGEST_TOKEN to the token that `inngest dev` printed"


def _is_health(seen: Seen) -> bool:
    return seen.is_json and seen.body.get("status") == seen.status
