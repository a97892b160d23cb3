"""The pytest plugin of the testing kit, in runs of pytest that tests start."""

from __future__ import annotations

import importlib.metadata

_FOUND = any(each.name == "inngest" for each in importlib.metadata.entry_points(group="pytest11"))
"""Whether pytest finds it by itself: not where an older version of the project was installed for development."""

PLUGIN_OPTIONS = [] if _FOUND else ["-p", "inngest_testing.plugin"]
