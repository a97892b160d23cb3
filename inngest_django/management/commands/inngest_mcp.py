"""`manage.py inngest_mcp`: tools of an engine for a coding assistant, as `inngest mcp` serves them."""

from __future__ import annotations

from ._bridge import BridgedCommand


class Command(BridgedCommand):
    name = "mcp"
