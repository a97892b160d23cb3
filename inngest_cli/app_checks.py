"""What `inngest doctor` checks of one app: whether it is there, signed, in the engine's mode, and at which address."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inngest_core.errors import ConfigError
from inngest_core.protocol.signing import SigningKey, sign
from inngest_core.protocol.wire import Header
from inngest_devserver.json_parts import mapping

from .defaults import LOOPBACK
from .findings import Finding, NoAnswerError, Seen, look, shown, with_path

_USUAL_PATH = "/api/inngest"


def check_app(url: str, kind: str, signing_key: str | None, known: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Yield what is found at the URL where an app should serve functions.

    kind: of the engine, dev or cloud; empty when it is not known. signing_key: to ask with, in cloud mode.
    known: what the engine knows of this app, if it does.
    """
    where = shown(url)
    try:
        seen = look(url, _signed(signing_key))
    except NoAnswerError as error:
        yield Finding("app", f"nothing answers at {where} ({error})", _how_to_reach(url))
        return
    if not seen.is_of_an_sdk:
        yield _not_served(url, seen)
        return
    yield from seen.clock(f"the app at {where}")
    if seen.status == 401 or seen.body.get("code") == "signing_key_missing":
        yield _refused(where, seen, signing_key)
        return
    faults = [*_mode(where, seen.body, kind), *_functions(url, seen.body, known)]
    faults += _path(url, seen.body)
    yield from faults
    if not faults:
        count = seen.body.get("function_count")
        yield Finding("app", f"the app at {where} serves {count} function{'' if count == 1 else 's'}")


def check_registered(url: str, apps: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield whether an engine knows the app at *url*."""
    urls = [str(mapping(app.get("latestSync")).get("url")) for app in apps]
    if any(_same(url, each) for each in urls):
        return
    others = ", ".join(map(shown, urls))
    says = f"the engine knows no app at {shown(url)}" + (f"; those that it knows are at {others}" if others else "")
    fix = f"have it register: curl -X PUT {shown(url)}, or inngest dev -u {shown(url)}"
    if others:
        fix += (
            "; if one of the others is this app, a proxy changes its address: set INNGEST_SERVE_ORIGIN and "
            "INNGEST_SERVE_PATH of the app to what the engine must call"
        )
    yield Finding("registration", says, fix)


def known_at(url: str, apps: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return what the engine knows of the app at *url*, if it does."""
    return next((app for app in apps if _same(url, str(mapping(app.get("latestSync")).get("url")))), None)


def _signed(key: str | None) -> Mapping[str, str]:
    try:
        return {Header.SIGNATURE: sign(b"", SigningKey(key), now=time.time())} if key else {}
    except ConfigError:  # the check of the engine says that it is not a key
        return {}


def _how_to_reach(url: str) -> str:
    start = "start the app, or correct the URL"
    if urllib.parse.urlsplit(url).hostname in LOOPBACK:
        return (
            f"{start}; if the app or the engine is in a container, set INNGEST_SERVE_ORIGIN of the app to its address"
        )
    return f"{start}; set the app's INNGEST_SERVE_ORIGIN to an address that the engine reaches"


def _not_served(url: str, seen: Seen) -> Finding:
    """Say where else functions are served, if a proxy or a prefix is the reason."""
    path = urllib.parse.urlsplit(url).path
    parts = [part for part in path.split("/") if part]
    candidates = ["/" + "/".join(parts[number:]) for number in range(1, len(parts))]
    for each in dict.fromkeys([*candidates, _USUAL_PATH]):
        if each != path and _serves(with_path(url, each)):
            return Finding(
                "path",
                f"{shown(url)} answers {seen.in_words()}, and functions are served at {each}: "
                "a proxy changes the path, or the URL has another one",
                f"let the proxy keep the path, or set INNGEST_SERVE_PATH={each} for the app and have it register again",
            )
    if "location" in seen.headers:
        return Finding(
            "path",
            f"{shown(url)} redirects ({seen.in_words()}), and engines follow no redirect",
            "register the URL to which it leads, with INNGEST_SERVE_ORIGIN and INNGEST_SERVE_PATH of the app",
        )
    if seen.status in (401, 403):
        return Finding(
            "path",
            f"{shown(url)} answers {seen.in_words()}, and not from an Inngest SDK: "
            "something before the app wants a login",
            f"let requests to {path or '/'} through without one; they are signed",
        )
    return Finding(
        "path",
        f"{shown(url)} answers {seen.in_words()}, and not from an Inngest SDK: no functions are served there",
        "correct the path: it is that of serve(), /api/inngest by default, after the prefix under which the app is "
        "mounted; behind a proxy that removes a prefix, set INNGEST_SERVE_PATH of the app to the path with the prefix",
    )


def _serves(url: str) -> bool:
    try:
        return look(url).is_of_an_sdk
    except NoAnswerError:
        return False


def _refused(where: str, seen: Seen, signing_key: str | None) -> Finding:
    if seen.body.get("code") == "signing_key_missing":
        return Finding(
            "signature",
            f"the app at {where} is in cloud mode and has no signing key, so it answers nobody",
            "set INNGEST_SIGNING_KEY where the app runs; for development, set INNGEST_DEV=1 there",
        )
    if signing_key is None:
        return Finding(
            "signature",
            f"the app at {where} is in cloud mode and answers signed requests only, and no key is set here",
            "set INNGEST_SIGNING_KEY to the app's key to look further; for development, set INNGEST_DEV=1 for the app",
        )
    return Finding(
        "signature",
        f"the app at {where} refuses what is signed with the key that is set here: {seen.body.get('message', '')}",
        "set the same INNGEST_SIGNING_KEY here, for the app and for the engine",
    )


def _mode(where: str, body: Mapping[str, Any], kind: str) -> Iterator[Finding]:
    mode = body.get("mode")
    if mode == "dev" and kind == "cloud":
        yield Finding(
            "mode",
            f"the app at {where} is in dev mode, so it signs nothing, and the engine refuses what is not signed",
            "unset INNGEST_DEV where the app runs, and leave is_production=False out",
        )
    if mode == "cloud" and kind == "dev":
        yield Finding(
            "mode",
            f"the app at {where} is in cloud mode, and refuses an engine in dev mode",
            "set INNGEST_DEV=1 where the app runs, or pass is_production=False",
        )
    if mode == "cloud" and body.get("has_signing_key") is False:
        yield Finding("signature", f"the app at {where} has no signing key", "set INNGEST_SIGNING_KEY where it runs")


def _functions(url: str, body: Mapping[str, Any], known: Mapping[str, Any] | None) -> Iterator[Finding]:
    count, where = body.get("function_count"), shown(url)
    error = mapping((known or {}).get("latestSync")).get("error")
    again = f"have it register again: curl -X PUT {where}"
    if count == 0:
        yield Finding("functions", f"the app at {where} serves no functions", "give its functions to serve()")
    elif error:
        yield Finding("registration", f"the engine could not register the app at {where}: {error}", again)
    elif known is not None and known.get("functionCount") not in (None, count):
        said = f"serves {count} functions, and the engine knows {known.get('functionCount')}"
        yield Finding("registration", f"the app at {where} {said}", again)


def _path(url: str, body: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare the address with the one that the app gives engines, where it says that."""
    origin, path = body.get("serve_origin"), body.get("serve_path")
    given = urllib.parse.urlsplit(url)
    if origin and urllib.parse.urlsplit(str(origin)).netloc != given.netloc:
        yield Finding(
            "path",
            f"the app at {shown(url)} tells engines to call it at {shown(str(origin))}",
            "if engines cannot reach that, correct INNGEST_SERVE_ORIGIN of the app",
        )
    if path and str(path).rstrip("/") != given.path.rstrip("/"):
        yield Finding(
            "path",
            f"the app at {shown(url)} tells engines that its path is {path}: a proxy changes it, or it is set wrongly",
            f"set INNGEST_SERVE_PATH={given.path} for the app",
        )


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(url: str) -> tuple[str, int | None, str]:
    parts = urllib.parse.urlsplit(url)
    host = "loopback" if parts.hostname in LOOPBACK else parts.hostname or ""
    return host, parts.port, parts.path.rstrip("/")
