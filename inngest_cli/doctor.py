"""`inngest doctor`: looks at this machine, an engine and apps, and says what is wrong and how to mend it.

It changes nothing. What is checked is in `engine_checks.py` and `app_checks.py`.
"""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from inngest_devserver.json_parts import mapping, one_line

from .app_checks import check_app, check_registered, known_at
from .engine_checks import Engine, distributions
from .errors import UsageError
from .findings import Finding, NoAnswerError, look
from .printing import show_json
from .remote import Remote, is_url


def doctor(remote: Remote, url: str | None, environ: Mapping[str, str], *, as_json: bool) -> int:
    """Print what is found; return 1 when something is wrong. Raises UsageError.

    url: of an app, or of an engine; by default the apps that the engine knows are looked at.
    """
    if url is not None and not is_url(url):
        raise UsageError(f"URL {url!r} is not a URL; write it as in http://127.0.0.1:5000/api/inngest")
    if url is not None and _is_engine(url):
        remote, url = dataclasses.replace(remote, origin=url.rstrip("/")), None
    found: list[Finding] = []
    for finding in _look(remote, url, environ):
        found.append(finding)
        if not as_json:
            print(_in_text(finding), flush=True)
    wrong = [one for one in found if not one.is_fine]
    if as_json:
        show_json({"ok": not wrong, "checks": [one.dump() for one in found]})
    elif wrong:
        print(f"\n{len(wrong)} thing{'' if len(wrong) == 1 else 's'} to mend")
    return 1 if wrong else 0


def _look(remote: Remote, url: str | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield distributions()
    key = remote.signing_key
    engine = Engine(remote, {**environ, **({"INNGEST_SIGNING_KEY": key} if key else {})})
    yield from engine.check()
    apps = engine.apps or []
    if url is not None:
        if engine.apps:
            yield from check_registered(url, apps)
        yield from check_app(url, engine.kind, key, known_at(url, apps))
        return
    for app in apps:
        yield from _look_at(app, engine.kind, key)


def _look_at(app: Mapping[str, Any], kind: str, key: str | None) -> Iterator[Finding]:
    url = str(mapping(app.get("latestSync")).get("url"))
    if app.get("method") == "CONNECT":
        yield Finding("app", f"the app {app.get('name') or app.get('id')} connects to the engine from a worker")
    elif is_url(url):
        yield from check_app(url, kind, key, app)


def _is_engine(url: str) -> bool:
    """Tell whether a URL without a path is that of an engine rather than of an app."""
    if urllib.parse.urlsplit(url).path.rstrip("/"):
        return False
    try:
        return not look(url).is_of_an_sdk
    except NoAnswerError:
        return True


def _in_text(finding: Finding) -> str:
    if finding.is_fine:
        return one_line(f"ok     {finding.check:12}  {finding.says}")
    return one_line(f"wrong  {finding.check:12}  {finding.says}") + "\n" + one_line(f"       {'fix':12}  {finding.fix}")
