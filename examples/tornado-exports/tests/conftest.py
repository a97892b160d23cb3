"""Dev mode, before anything imports the app."""

from __future__ import annotations

import os

os.environ["INNGEST_DEV"] = "1"
