"""Every path of the page, and who answers it. Holds no handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.access import Access, Need
from inngest_devserver.http.answers import Call

from . import assets, rendering
from .login import Login
from .run_list import RunList
from .run_page import RunPage


def paths(engine: Engine, access: Access) -> list[tuple[str, Mapping[str, Any], Need]]:
    """Return each path with its handlers by method, and what is asked for of whoever calls it."""
    run_list, run, login = RunList(engine), RunPage(engine), Login(access)
    return [
        ("/", {"GET": login.enter}, Need.NOTHING),
        ("/login", {"POST": login.login}, Need.NOTHING),
        ("/logout", {"POST": login.logout}, Need.NOTHING),
        ("/static/{version}/{file}", {"GET": assets.serve}, Need.NOTHING),
        ("/runs", {"GET": run_list.show}, Need.MANAGE),
        ("/runs/{run}", {"GET": run.show}, Need.MANAGE),
        ("/runs/{run}/export", {"GET": run.export}, Need.MANAGE),
    ]


def to_runs(_: Call) -> Response:
    return rendering.redirect("/runs")
