"""What people want to know of an engine when a test has failed: what it was sent in vain."""

from __future__ import annotations

from inngest_devserver import fragments
from inngest_devserver.engine import Engine

from .results import one_line
from .wording import meant

_MOST_SHOWN = 20
_NO_FUNCTIONS = "the engine calls no functions; name an app by @pytest.mark.inngest(app), or by the setting inngest_app"


def description(engine: Engine, runs: str) -> str:
    """Return a line for each event that nobody took, oldest first. runs: all runs, as people read them."""
    functions = engine.registry.functions()
    if not functions:
        return _NO_FUNCTIONS
    triggers = {trigger.event for each in functions for trigger in each.triggers if trigger.event}
    events = engine.store.events(name=None, before=None, internal=False, limit=_MOST_SHOWN)
    return "\n".join(
        f'"{event.name}" {one_line(fragments.load(event.body)["data"])} started no run{meant(event.name, triggers)}'
        for event in reversed(events)
        if not engine.store.runs_of_event(event.internal_id) and f'waits for "{event.name}"' not in runs
    )
