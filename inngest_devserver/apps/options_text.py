"""The options of a function in words, from the configuration that it was registered with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inngest_devserver.json_parts import in_short, mapping, mappings, one_line

_KNOWN = frozenset(
    {
        "id",
        "fv",
        "name",
        "slug",
        "triggers",
        "steps",
        "retries",
        "concurrency",
        "throttle",
        "rateLimit",
        "debounce",
        "batchEvents",
        "priority",
        "singleton",
        "idempotency",
        "cancel",
        "timeouts",
    }
)


def triggers_in_words(config: Mapping[str, Any]) -> str:
    """Return what starts a function."""
    found = [_trigger(one) for one in mappings(config.get("triggers"))]
    return one_line(", ".join(found)) or "invoked only"


def options_in_words(config: Mapping[str, Any]) -> list[str]:
    """Return a phrase for each option; one that is not known here is shown as it is."""
    return [one_line(text) for text in _options(config)]


def _trigger(trigger: Mapping[str, Any]) -> str:
    if trigger.get("cron"):
        return f"cron {trigger['cron']}"
    condition = f" if {trigger['expression']}" if trigger.get("expression") else ""
    return f"{trigger.get('event')}{condition}"


def _options(config: Mapping[str, Any]) -> Iterator[str]:
    retries = [step["retries"] for step in _steps(config) if step.get("retries") is not None]
    if retries:
        yield f"{retries[0]} {'retry' if retries[0] == 1 else 'retries'}"
    yield from _concurrency(config.get("concurrency"))
    for key, verb in (("throttle", "starts at most"), ("rateLimit", "is limited to")):
        if rate := mapping(config.get(key)):
            burst = f" and {rate['burst']} more at once" if rate.get("burst", 1) != 1 else ""
            yield f"{verb} {_count(rate.get('limit'), 'run')} in {rate.get('period')}{burst}{_for_each(rate)}"
    if debounce := mapping(config.get("debounce")):
        limit = f", {debounce['timeout']} at most" if debounce.get("timeout") else ""
        yield f"waits until no event has come for {debounce.get('period')}{limit}{_for_each(debounce)}"
    if batch := mapping(config.get("batchEvents")):
        only = f" of those with {batch['if']}" if batch.get("if") else ""
        most = _count(batch.get("maxSize"), "event")
        yield f"takes up to {most}{only}, or those of {batch.get('timeout')}{_for_each(batch)}"
    if singleton := mapping(config.get("singleton")):
        new = "a new one cancels it" if singleton.get("mode") == "cancel" else "new ones are skipped"
        yield f"one run at a time, {new}{_for_each(singleton)}"
    if config.get("idempotency"):
        yield f"starts once in 24h for each {config['idempotency']}"
    if run := mapping(config.get("priority")).get("run"):
        yield f"has the priority {run}"
    yield from _ends(config)
    for key, value in config.items():
        if key not in _KNOWN and value not in (None, "", [], {}):
            yield f"{key} {in_short(value)}"


def _steps(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the steps of a configuration, which is a list in some answers and an object in others."""
    steps = config.get("steps")
    found = mappings(steps) or [mapping(one) for one in mapping(steps).values()]
    return [{**one, "retries": mapping(one.get("retries")).get("attempts", one.get("retries"))} for one in found]


def _concurrency(value: object) -> Iterator[str]:
    given = mapping(value)
    limits = mappings(value) or mappings(given.get("limits")) or ([given] if given.get("limit") else [])
    if isinstance(value, int) and value:
        limits = [{"limit": value}]
    for limit in limits:
        scope = {"env": " in its environment", "account": " in the account"}.get(str(limit.get("scope")), "")
        yield f"at most {_count(limit.get('limit'), 'call')} at once{scope}{_for_each(limit)}"
    for unit, word in (("fn", "run"), ("step", "call")):
        for limit in mappings(given.get(unit)) or [one for one in [mapping(given.get(unit))] if one]:
            yield f"at most {_count(limit.get('limit'), word)} at once{_for_each(limit)}"


def _ends(config: Mapping[str, Any]) -> Iterator[str]:
    timeouts = mapping(config.get("timeouts"))
    if timeouts.get("start"):
        yield f"is cancelled when it has not started after {timeouts['start']}"
    if timeouts.get("finish"):
        yield f"is cancelled when it has not ended after {timeouts['finish']}"
    for cancel in mappings(config.get("cancel")):
        condition = f" if {cancel['if']}" if cancel.get("if") else ""
        within = f" within {cancel['timeout']}" if cancel.get("timeout") else ""
        yield f"is cancelled by {cancel.get('event')}{condition}{within}"


def _count(number: object, one: str) -> str:
    return f"{number} {one if number == 1 else one + 's'}"


def _for_each(option: Mapping[str, Any]) -> str:
    return f", for each {option['key']}" if option.get("key") else ""
