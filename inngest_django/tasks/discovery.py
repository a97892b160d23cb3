"""The backends of the setting TASKS that are ours, and their functions."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from django.conf import settings

from inngest_core.client import Inngest
from inngest_core.function import Function

from . import InngestBackend
from .framework import BaseTaskBackend


def functions_of_backends(client: Inngest) -> Iterator[Function[Any]]:
    """Yield the functions that run the tasks of every backend of ours. client: that of the project."""
    framework: Any = importlib.import_module(BaseTaskBackend.__module__.partition(".backends")[0])
    for alias in settings.TASKS:
        backend = framework.task_backends[alias]
        if isinstance(backend, InngestBackend):
            yield from backend.functions(client)
