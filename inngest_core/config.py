"""Configuration: mode, origins, keys. The only reader of the environment, and it reads it once.

Nothing else belongs here: no request is made, no logger is touched, and a missing signing key is not yet an error
(`serve` says so in cloud mode; a client that only sends events needs none). See docs/protocol.md, Modes and
configuration.
"""

from __future__ import annotations

import enum
import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from .errors import ConfigError, URLInvalidError
from .protocol.signing import SigningKey, SigningKeys

CLOUD_API_ORIGIN = "https://api.inngest.com"
CLOUD_EVENT_API_ORIGIN = "https://inn.gs"
DEV_ORIGIN = "http://127.0.0.1:8288"
DEV_EVENT_KEY = "NO_EVENT_KEY_SET"
"""The event key of dev mode, where none is needed."""

_GIT_BRANCH_VARIABLES = (
    "BRANCH_NAME",
    "VERCEL_GIT_COMMIT_REF",
    "BRANCH",
    "CF_PAGES_BRANCH",
    "RENDER_GIT_BRANCH",
    "RAILWAY_GIT_BRANCH",
)
_PLATFORM_VARIABLES = (
    ("VERCEL", "vercel"),
    ("RAILWAY_ENVIRONMENT", "railway"),
    ("RENDER", "render"),
    ("NETLIFY", "netlify"),
    ("CF_PAGES", "cloudflare-pages"),
    ("AWS_REGION", "aws-lambda"),
)
BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
"""What text may say, in lower case."""
_LOG_LEVELS = {
    "DEBUG": "DEBUG",
    "INFO": "INFO",
    "WARN": "WARNING",
    "WARNING": "WARNING",
    "ERROR": "ERROR",
    "CRITICAL": "CRITICAL",
}


class Mode(enum.StrEnum):
    """Which kind of engine the app belongs to."""

    DEV = "dev"
    CLOUD = "cloud"


class Streaming(enum.StrEnum):
    """Whether answers to calls are kept alive while a function runs; see docs/protocol.md, Streaming."""

    FORCE = "force"
    DISABLE = "disable"


_STREAMING = {"force": Streaming.FORCE, "true": Streaming.FORCE, "1": Streaming.FORCE, "disable": Streaming.DISABLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What was configured, validated.

    mode_reason: what decided the mode, such as "INNGEST_DEV=1". Origins have no trailing slash; serve_path starts
    with one. event_key: None when none is known, which only cloud mode allows.
    """

    mode: Mode
    mode_reason: str
    api_origin: str
    event_api_origin: str
    signing_keys: SigningKeys | None = field(default=None, repr=False)
    event_key: str | None = field(default=None, repr=False)
    env: str | None = None
    platform: str | None = None
    serve_origin: str | None = None
    serve_path: str | None = None
    allow_in_band: bool = True
    allow_unauthed_registration: bool = True
    thread_pool_max_workers: int | None = None
    connect_max_worker_concurrency: int | None = None
    streaming: Streaming | None = None
    log_level: str | None = None


def load_config(
    *,
    api_base_url: str | None = None,
    event_api_base_url: str | None = None,
    event_key: str | None = None,
    signing_key: str | None = None,
    signing_key_fallback: str | None = None,
    is_production: bool | None = None,
    env: str | None = None,
    streaming: Streaming | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Return the configuration that options and environment give; an option wins over its variable.

    environ: read instead of the process's environment. An empty variable counts as not set.
    Raises ConfigError, URLInvalidError: they name the option or variable, what it holds, and what is allowed.
    """
    variables = _Environment(os.environ if environ is None else environ)
    mode, reason, dev_origin = _choose_mode(variables, is_production)
    return Config(
        mode=mode,
        mode_reason=reason,
        api_origin=_choose_origin(
            variables,
            ("api_base_url", api_base_url),
            "INNGEST_API_BASE_URL",
            default=dev_origin or CLOUD_API_ORIGIN,
        ),
        event_api_origin=_choose_origin(
            variables,
            ("event_api_base_url", event_api_base_url),
            "INNGEST_EVENT_API_BASE_URL",
            default=dev_origin or CLOUD_EVENT_API_ORIGIN,
        ),
        signing_keys=_choose_signing_keys(variables, signing_key, signing_key_fallback),
        event_key=event_key or variables.text("INNGEST_EVENT_KEY") or (DEV_EVENT_KEY if mode is Mode.DEV else None),
        env=_choose_env(variables, env, mode),
        platform=_detect_platform(variables),
        serve_origin=_serve_origin(variables),
        serve_path=_serve_path(variables),
        allow_in_band=variables.boolean("INNGEST_ALLOW_IN_BAND_SYNC", default=True),
        allow_unauthed_registration=variables.boolean("INNGEST_ENABLE_UNAUTHED_SYNC", default=True),
        thread_pool_max_workers=variables.whole_number("INNGEST_THREAD_POOL_MAX_WORKERS"),
        connect_max_worker_concurrency=variables.whole_number("INNGEST_CONNECT_MAX_WORKER_CONCURRENCY"),
        streaming=check_streaming(streaming) or variables.streaming("INNGEST_STREAMING"),
        log_level=variables.log_level("INNGEST_LOG_LEVEL"),
    )


def parse_origin(text: str, name: str) -> str:
    """Return *text*, an absolute http(s) URL, without trailing slash; *name* says where it comes from.

    Raises URLInvalidError.
    """
    if "@" in text:
        raise URLInvalidError(f"{name} holds a user name or a password; give a URL without them")
    if not text.isascii() or not text.isprintable() or any(character in text for character in " \\"):
        _refuse_url(text, name, "it holds a character that a URL cannot have")
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError as error:
        _refuse_url(text, name, str(error))
    if parts.scheme not in ("http", "https"):
        _refuse_url(text, name, "it does not begin with http:// or https://")
    if not parts.hostname or port == 0:
        _refuse_url(text, name, "it names no host")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        _refuse_url(text, name, "it has a query or a fragment")
    return text.rstrip("/")


def check_streaming(given: object) -> Streaming | None:
    """Return what the option streaming= was given; raises ConfigError when it is not a Streaming."""
    if given is None or isinstance(given, Streaming):
        return given
    raise ConfigError(f"streaming is {given!r}; give inngest.Streaming.FORCE or inngest.Streaming.DISABLE")


def _refuse_url(text: str, name: str, why: str) -> NoReturn:
    raise URLInvalidError(f"{name} is {text!r}: {why}; give an absolute URL such as {DEV_ORIGIN}")


class _Environment:
    """Typed look-ups that name the variable when it holds something else."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def boolean(self, name: str, *, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in BOOLEANS:
            raise ConfigError(f"{name} is {text!r}; give 1, true, 0 or false")
        return BOOLEANS[text.lower()]

    def whole_number(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise ConfigError(f"{name} is {text!r}; give a whole number of 0 or more")
        return int(text)

    def streaming(self, name: str) -> Streaming | None:
        text = self.text(name)
        if text is None:
            return None
        if text.lower() not in _STREAMING:
            raise ConfigError(f"{name} is {text!r}; give force, true, 1 or disable")
        return _STREAMING[text.lower()]

    def log_level(self, name: str) -> str | None:
        text = self.text(name)
        if text is None:
            return None
        if text.upper() not in _LOG_LEVELS:
            raise ConfigError(f"{name} is {text!r}; give debug, info, warning, error or critical")
        return _LOG_LEVELS[text.upper()]


def _choose_mode(variables: _Environment, is_production: bool | None) -> tuple[Mode, str, str | None]:
    """Return the mode, why, and the origin that dev mode defaults to (None in cloud mode)."""
    text = variables.text("INNGEST_DEV")
    switch = None if text is None else BOOLEANS.get(text.lower())
    url = None
    if text is not None and switch is None:
        if "://" not in text:
            raise ConfigError(
                f"INNGEST_DEV is {text!r}; give 1 or true (dev mode), 0 or false (cloud mode), "
                f"or the URL of a dev server such as {DEV_ORIGIN}"
            )
        url = parse_origin(text, "INNGEST_DEV")
    if is_production is not None:
        is_dev, reason = not is_production, f"is_production={is_production}"
    elif text is not None:
        is_dev, reason = switch is not False, f"INNGEST_DEV={url or text}"
    else:
        is_dev, reason = False, "the default, as neither is_production nor INNGEST_DEV is given"
    return (Mode.DEV, reason, url or DEV_ORIGIN) if is_dev else (Mode.CLOUD, reason, None)


def _choose_origin(variables: _Environment, option: tuple[str, str | None], variable: str, *, default: str) -> str:
    option_name, given = option
    if given:
        return parse_origin(given, option_name)
    for name in (variable, "INNGEST_BASE_URL"):
        text = variables.text(name)
        if text is not None:
            return parse_origin(text, name)
    return default


def _choose_signing_keys(variables: _Environment, key: str | None, fallback: str | None) -> SigningKeys | None:
    key = key or variables.text("INNGEST_SIGNING_KEY")
    fallback = fallback or variables.text("INNGEST_SIGNING_KEY_FALLBACK")
    if key is None:
        return None
    return SigningKeys(SigningKey(key), SigningKey(fallback) if fallback else None)


def _choose_env(variables: _Environment, env: str | None, mode: Mode) -> str | None:
    """Return the name of the branch environment; a git branch names one in cloud mode only."""
    names = ("INNGEST_ENV", *(_GIT_BRANCH_VARIABLES if mode is Mode.CLOUD else ()))
    given = [("env", env), *((name, variables.text(name)) for name in names)]
    source, chosen = next(((source, text) for source, text in given if text), ("", None))
    if chosen is not None and not (chosen.isascii() and chosen.isprintable()):
        raise ConfigError(
            f"{source} is {chosen!r}; it goes into a header: give printable ASCII"
            + ("" if source in ("env", "INNGEST_ENV") else ", or set INNGEST_ENV")
        )
    return chosen


def _detect_platform(variables: _Environment) -> str | None:
    return next((platform for name, platform in _PLATFORM_VARIABLES if variables.text(name)), None)


def _serve_origin(variables: _Environment) -> str | None:
    for name in ("INNGEST_SERVE_ORIGIN", "INNGEST_SERVE_HOST"):
        text = variables.text(name)
        if text is not None:
            return parse_origin(text, name)
    return None


def _serve_path(variables: _Environment) -> str | None:
    path = variables.text("INNGEST_SERVE_PATH")
    return None if path is None else "/" + path.lstrip("/")
