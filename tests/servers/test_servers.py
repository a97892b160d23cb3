"""The suite on every server: calls, bad input, clients that go away, and at last the shutdown."""

from __future__ import annotations

import pytest

from tests.stage.engine_api import EngineDouble

from .bad_input import BAD, check_bad, check_over_the_cap
from .calls import CHECKS
from .interruptions import check_disconnect, check_shutdown
from .process import Server, running
from .table import SERVERS

pytestmark = pytest.mark.live


@pytest.mark.parametrize("server", SERVERS, ids=[server.name for server in SERVERS])
def test_server(server: Server, engine: EngineDouble, subtests: pytest.Subtests) -> None:
    """One process for all of it: it must be as well at the end as in the beginning."""
    with running(server, engine.origin) as started:
        for name, check in CHECKS.items():
            with subtests.test(name):
                check(started, engine)
        for name, bad in BAD.items():
            with subtests.test(name):
                check_bad(bad, started)
        with subtests.test("body over the cap"):
            check_over_the_cap(started)
        for kind in ("sync", "async"):
            for reset in (False, True):
                with subtests.test("disconnect", kind=kind, reset=reset):
                    check_disconnect(started, kind, reset=reset)
        for name in ("registration", "signatures", "sending", "many at once"):
            with subtests.test(f"{name}, after all that"):
                CHECKS[name](started, engine)
        with subtests.test("shutdown"):
            check_shutdown(started)
        with subtests.test("log"):
            assert "Traceback" not in started.text()
            assert "ResourceWarning" not in started.text()
