"""The client, which sends events, and with which functions are defined."""

from __future__ import annotations

import inngest

client = inngest.Inngest(app_id="signup")
