"""The options of a client that are plain values: how each is checked and read. Reads no environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError
from inngest_core.protocol.duration import Duration, to_ms

from .checkpointing import CheckpointingOption, problems_of_checkpointing

DEFAULT_REQUEST_TIMEOUT = timedelta(seconds=30)
DEFAULT_HOOK_TIMEOUT = timedelta(minutes=5)
_TEXTS = (
    "app_version",
    "env",
    "api_base_url",
    "event_api_base_url",
    "event_key",
    "signing_key",
    "signing_key_fallback",
)
_LOGGER_METHODS = ("debug", "info", "warning", "error")
_SERIALIZER_METHODS = ("serialize", "deserialize")


def check_kinds(given: Mapping[str, object]) -> None:
    """Check the types of text, the mode, the logger and the serializer. given: by name. Raises ConfigError."""
    for name in _TEXTS:
        if given[name] is not None and not isinstance(given[name], str):
            raise ConfigError(f"{name} is {kind_of(given[name])}; give a str, or leave it out")
    mode = given["is_production"]
    if mode is not None and not isinstance(mode, bool):
        raise ConfigError(f"is_production is {mode!r}; give True for cloud mode, False for dev mode, or leave it out")
    logger = given["logger"]
    if logger is not None and not all(callable(getattr(logger, name, None)) for name in _LOGGER_METHODS):
        raise ConfigError(f"logger is {kind_of(logger)}; give a logging.Logger, or leave it out")
    serializer = given["serializer"]
    has_methods = all(callable(getattr(serializer, name, None)) for name in _SERIALIZER_METHODS)
    if serializer is not None and (isinstance(serializer, type) or not has_methods):
        raise ConfigError(
            f"serializer is {kind_of(serializer)}; give an object with the methods serialize and deserialize, such as "
            "inngest.MsgspecSerializer(), or leave it out"
        )


def check_checkpointing(given: CheckpointingOption) -> CheckpointingOption:
    """Return what was given; raises ConfigError."""
    for field, value, rule in problems_of_checkpointing(given, "checkpointing"):
        raise ConfigError(f"{field} is {value!r}; give {rule}")
    return given


def check_pool_size(given: int | None, configured: int | None) -> int | None:
    """Return how many threads there may be, None for the usual number; raises ConfigError."""
    if given is None:
        return configured
    if type(given) is not int or given < 0:
        raise ConfigError(f"thread_pool_max_workers is {given!r}; give a whole number of 0 or more")
    return given


def read_timeout(name: str, given: Duration | None, default: timedelta) -> float:
    """Return a time-out in seconds; raises ConfigError. name: of the option."""
    try:
        ms = to_ms(default if given is None else given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}: {error}") from None
    if ms == 0:
        usual = f"{default.total_seconds():g} seconds"
        raise ConfigError(f"{name} is zero; give milliseconds or a timedelta, or leave it out for {usual}")
    return ms / 1000
