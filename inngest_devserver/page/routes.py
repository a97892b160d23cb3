"""Every path of the page, and who answers it. Holds no handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_devserver.engine import Engine
from inngest_devserver.http.access import Access, Need

from . import assets
from .bulk import BulkForms
from .events import EventPages
from .functions import FunctionPages
from .login import Login
from .run_actions import RunForms
from .run_list import RunList
from .run_page import RunPage


def paths(engine: Engine, access: Access) -> list[tuple[str, Mapping[str, Any], Need]]:
    """Return each path with its handlers by method, and what is asked for of whoever calls it."""
    login, run_list, run, forms, bulk = (
        Login(access),
        RunList(engine),
        RunPage(engine),
        RunForms(engine),
        BulkForms(engine),
    )
    events, functions = EventPages(engine), FunctionPages(engine)
    return [
        ("/", {"GET": login.enter}, Need.NOTHING),
        ("/login", {"GET": login.home, "POST": login.login}, Need.NOTHING),
        ("/logout", {"POST": login.logout}, Need.NOTHING),
        ("/static/{version}/{file}", {"GET": assets.serve}, Need.NOTHING),
        ("/runs", {"GET": run_list.show}, Need.MANAGE),
        ("/runs/bulk", {"GET": bulk.show, "POST": bulk.do}, Need.MANAGE),
        ("/runs/{run}", {"GET": run.show}, Need.MANAGE),
        ("/runs/{run}/export", {"GET": run.export}, Need.MANAGE),
        ("/runs/{run}/rerun", {"POST": forms.rerun}, Need.MANAGE),
        ("/runs/{run}/cancel", {"POST": forms.cancel}, Need.MANAGE),
        ("/runs/{run}/steps/{step}/skip", {"POST": forms.skip}, Need.MANAGE),
        ("/events", {"GET": events.index}, Need.MANAGE),
        ("/events/{event}", {"GET": events.show}, Need.MANAGE),
        ("/send", {"GET": events.form, "POST": events.send}, Need.MANAGE),
        ("/functions", {"GET": functions.index}, Need.MANAGE),
        ("/functions/{function}", {"GET": functions.show}, Need.MANAGE),
        ("/functions/{function}/invoke", {"POST": functions.invoke}, Need.MANAGE),
    ]
