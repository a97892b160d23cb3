"""What people want to know of an engine when a test has failed: what it was sent in vain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inngest_core.events.event import Event
from inngest_devserver.apps.registry import Registry

from .results import one_line
from .wording import meant

_NO_FUNCTIONS = "the engine calls no functions; name an app by @pytest.mark.inngest(app), or by the setting inngest_app"


def description(registry: Registry, sent: Sequence[Event], runs_of: Callable[[Event], Sequence[object]]) -> str:
    """Return a few lines. sent: the events that the test has sent. runs_of: tells which runs one of them started."""
    triggers = {trigger.event or trigger.cron for each in registry.functions() for trigger in each.triggers}
    lines = [] if registry.functions() else [_NO_FUNCTIONS]
    lines += [
        f'"{event.name}" {one_line(event.data)} started no run{meant(event.name, triggers)}'
        for event in sent
        if registry.functions() and not runs_of(event)
    ]
    return "\n".join(lines)
