"""Every path of the page, and who answers it. Holds no handler of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.http.access import Access, Need
from inngest_devserver.http.answers import Call

from . import assets, rendering
from .asking import Handler
from .bulk import BulkForms
from .events import EventPages
from .functions import FunctionPages
from .login import Login
from .run_actions import RunForms
from .run_list import RunList
from .run_page import RunPage


def paths(engine: Engine, access: Access) -> list[tuple[str, Mapping[str, Handler], Need]]:
    """Return each path with its handlers by method, and what is asked for of whoever calls it."""
    login, run_list, run, forms, bulk = (
        Login(access),
        RunList(engine),
        RunPage(engine),
        RunForms(engine),
        BulkForms(engine),
    )
    events, functions = EventPages(engine), FunctionPages(engine)
    found: list[tuple[str, dict[str, Handler], Need]] = [
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
    return [
        (path, {method: _noting(access, handler) for method, handler in methods.items()}, need)
        for path, methods, need in found
    ]


def _noting(access: Access, handler: Handler) -> Handler:
    """Return a handler that has pages offer a way out to a browser that has logged in."""

    def noted(call: Call) -> Response | Awaitable[Response]:
        rendering.has_session.set(access.has_session(call.request.headers))
        return handler(call)

    return noted
