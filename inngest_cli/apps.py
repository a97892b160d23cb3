"""`inngest apps`: the apps of an engine and their functions, with the options of each in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from inngest_devserver.apps.options_text import options_in_words, triggers_in_words
from inngest_devserver.json_parts import mapping, mappings, one_line

from .errors import CommandError
from .functions import apps_of, functions_of
from .printing import show_json
from .remote import Remote


def apps(remote: Remote, *, as_json: bool) -> int:
    """Print all apps. Raises CommandError."""
    found = [{**app, "functions": _functions(remote, str(app.get("id")))} for app in apps_of(remote)]
    if as_json:
        show_json(found)
    elif found:
        print("\n\n".join(_in_text(app) for app in found))
    else:
        print(f"no apps yet; `inngest doctor{remote.url_option}` says why")
    return 0


def _functions(remote: Remote, app: str) -> list[Mapping[str, Any]]:
    configs = _configs(remote, app)
    found: list[Mapping[str, Any]] = []
    for function in functions_of(remote, app):
        config = configs.get(f"{app}-{function.get('id')}") or _config_of(function)
        in_words = {"options": options_in_words(config), "startedBy": triggers_in_words(config)}
        found.append({**in_words, **function})
    return found


def _configs(remote: Remote, app: str) -> dict[str, Mapping[str, Any]]:
    """Return the configurations of an app's functions by their names; none from an engine that does not show them."""
    try:
        answer = remote.get(f"/v1/apps/{quote(app, safe='')}/functions")
    except CommandError:
        return {}
    known = mappings(answer) or mappings(mapping(answer).get("data"))
    return {str(one.get("id")): mapping(one.get("config")) for one in known}


def _config_of(function: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what `/api/v2` says of a function, as a configuration has it."""
    triggers = [
        {"cron": one.get("value")}
        if one.get("type") == "CRON"
        else {"event": one.get("value"), "expression": one.get("condition")}
        for one in mappings(function.get("triggers"))
    ]
    retries = mapping(mapping(function.get("configuration")).get("retries")).get("value")
    return {"triggers": triggers, "steps": [{"retries": retries}]}


def _in_text(app: Mapping[str, Any]) -> str:
    sync = mapping(app.get("latestSync"))
    sdk = " ".join(str(sync[key]) for key in ("sdkLanguage", "sdkVersion", "framework") if sync.get(key))
    lines = [one_line(f"{app.get('name') or app.get('id')}  {sync.get('url', '')}{f'  ({sdk})' if sdk else ''}")]
    if sync.get("error"):
        lines.append(f"  error   {one_line(str(sync['error']))}")
    functions = mappings(app.get("functions"))
    width = max((len(str(one.get("id"))) for one in functions), default=0)
    for one in functions:
        lines.append(f"  {one.get('id')!s:{width}}  {one['startedBy']}")
        lines += [f"  {'':{width}}    {text}" for text in one["options"]]
    return "\n".join(lines) if functions else "\n".join([*lines, "  no functions"])
