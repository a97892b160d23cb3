"""The options of a backend in the setting TASKS, checked when the project starts. Decides nothing about tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured

MOST_RETRIES = 20


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """What OPTIONS says. retries: None for the usual number. limits: how many tasks run at a time, by queue."""

    retries: int | None = None
    limits: Mapping[str, int] = field(default_factory=dict[str, int])


def read_options(alias: str, given: Mapping[str, Any], queues: Collection[str]) -> BackendOptions:
    """Return the options of a backend.

    alias: its name in TASKS. given: its OPTIONS. queues: those that have a function.
    Raises ImproperlyConfigured: it names the option to change.
    """
    what = f'TASKS["{alias}"]["OPTIONS"]'
    for name in given:
        if name not in ("CONCURRENCY", "RETRIES"):
            raise ImproperlyConfigured(f'{what}["{name}"] is not an option; the options are CONCURRENCY, RETRIES')
    retries = given.get("RETRIES")
    if retries is not None and not (type(retries) is int and 0 <= retries <= MOST_RETRIES):
        raise ImproperlyConfigured(f'{what}["RETRIES"] is {retries!r}; give a whole number of 0 to {MOST_RETRIES}')
    limits = dict(_limits(given.get("CONCURRENCY"), f'{what}["CONCURRENCY"]', queues))
    return BackendOptions(retries, limits)


def _limits(given: object, what: str, queues: Collection[str]) -> Iterator[tuple[str, int]]:
    by_queue = cast("dict[str, object]", given) if isinstance(given, dict) else dict.fromkeys(queues, given)
    for queue, limit in by_queue.items():
        if queue not in queues:
            raise ImproperlyConfigured(
                f"{what} names the queue {queue!r}, which the backend does not have; its queues are "
                f"{', '.join(sorted(queues))}"
            )
        if type(limit) is int and limit > 0:
            yield queue, limit
        elif limit is not None:
            raise ImproperlyConfigured(
                f"{what} is {given!r}; give a whole number of 1 or more, or a dict with such a number for each queue"
            )
