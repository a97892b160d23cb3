"""The rules in the constructor of a Tornado application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tornado.web import Application

import inngest
import inngest.tornado

from .target import Functions
from .tornado_app import TornadoTarget


@dataclass(frozen=True, slots=True)
class RulesTarget(TornadoTarget):
    """As the other one, but for how the application is made."""

    name: str = "tornado-rules"

    def make(self, client: inngest.Inngest, functions: Functions, **settings: Any) -> Application:
        return Application([*inngest.tornado.rules(client, functions)], **settings)


TARGET = RulesTarget()
