"""A configuration of gunicorn that lets gevent patch before the app is loaded, as `--preload` needs it."""

import importlib
from typing import Any

monkey: Any = importlib.import_module("gevent.monkey")  # it has no types
monkey.patch_all()
