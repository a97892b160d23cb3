"""What is looked at when a server has the project, and its handler is made: commands of `manage.py` never come here.

Django has one place for that: a middleware is made together with the handler, and may say then that it is not used.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable

from django.conf import settings
from django.core import mail
from django.core.exceptions import MiddlewareNotUsed

from inngest_core.client import Inngest
from inngest_core.serving.authentication import NO_SIGNING_KEY, misses_key

from .project import get_client, is_configured

_SERVERS = ("django.core.wsgi", "django.core.asgi")
"""What a project is served with; commands that do not serve have no need to import them."""

_checks: list[Callable[[], None]] = []
_told: weakref.WeakSet[Inngest] = weakref.WeakSet()


def is_serving() -> bool:
    """Tell whether this process may serve the project: not in commands such as `migrate`, but in `runserver`."""
    return any(module in sys.modules for module in _SERVERS)


def at_start(check: Callable[[], None]) -> None:
    """Call *check* once, when the handler of the project is made by a server; call this while the apps are loaded."""
    if not is_serving():
        return
    _checks.append(check)
    name = f"{Start.__module__}.{Start.__qualname__}"
    if name not in settings.MIDDLEWARE:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, name]


class Start:
    """A middleware that handles nothing."""

    sync_capable = True
    async_capable = True

    def __init__(self, _: object) -> None:
        """Make the checks. Raises MiddlewareNotUsed, always."""
        checks = _checks.copy()
        _checks.clear()  # once in a process: each client of Django's tests makes a handler
        if not hasattr(mail, "outbox"):  # which Django's tests have
            for check in checks:
                check()
        raise MiddlewareNotUsed("it only looks at the project when that starts")


def tell_of_missing_key() -> None:
    """Log that the client of the setting INNGEST has no key; the endpoint says so when the first request comes."""
    if is_configured() and misses_key(get_client().config):
        get_client().logger.error("%s", NO_SIGNING_KEY)
        _told.add(get_client())


def was_told(client: Inngest) -> bool:
    """Tell whether it was logged before that *client* has no key."""
    return client in _told
