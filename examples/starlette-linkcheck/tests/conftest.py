"""A database in memory, and dev mode; both before anything imports the app."""

from __future__ import annotations

import os

os.environ["DATABASE_URL"] = "sqlite+aiosqlite://"
os.environ["INNGEST_DEV"] = "1"
