"""gunicorn --preload: clients that were used before the fork work in every worker after it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stage.engine_api import EngineDouble

from .calls import call
from .process import Running, Server, holder, running
from .table import PRELOADED

pytestmark = pytest.mark.live

WORKERS = 3
"""Of the server whose workers serve one call at a time."""
SENDING = {"POST /e/NO_EVENT_KEY_SET": [(200, {"ids": ["1"], "status": 200})]}


@pytest.mark.parametrize("server", PRELOADED, ids=[server.name for server in PRELOADED])
def test_sending_and_calls_in_every_worker(server: Server, engine: EngineDouble) -> None:
    engine.reset(SENDING)
    with running(server, engine.origin) as started:
        assert "Traceback" not in started.text()
        before = len(engine.requests)
        assert before == 3  # the client was used before the fork
        for kind in ("sync", "async") * 2:
            check_every_worker(started, kind)
        assert len(engine.requests) == before + 4 * WORKERS
        assert "Traceback" not in started.text()
        assert "ResourceWarning" not in started.text()


def check_every_worker(started: Running, kind: str) -> None:
    """Keep several calls open at a time: as many as there are workers that serve one at a time."""
    with holder() as steps, ThreadPoolExecutor(WORKERS) as pool:
        asked = [pool.submit(call, started, f"sends-{kind}", port=steps.port) for _ in range(WORKERS)]
        held = [steps.accept() for _ in asked]
        ended = [each.release() for each in held]
        assert all(ended)
        answers = [each.result() for each in asked]
    assert [answer["ids"] for answer in answers] == [["1"]] * WORKERS
    pids = {answer["pid"] for answer in answers}
    assert started.process.pid not in pids
    if not started.server.at_once:  # all of them were busy
        assert len(pids) == WORKERS
