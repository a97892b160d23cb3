"""Routes by which apps save steps while a call goes on. Decides nothing: `runs/checkpoints.py` does."""

from __future__ import annotations

from inngest_core.protocol.wire import parse_object
from inngest_core.web.messages import Response
from inngest_devserver.engine import Engine
from inngest_devserver.runs.checkpoints import SaveRefusedError

from .answers import APIError, Call, empty_response


class CheckpointRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, call: Call) -> Response:
        """Save the steps of a run: 200 and nothing."""
        run_id = call.path["run"]
        try:
            self._engine.checkpoints.save(run_id, parse_object(call.request.body))
        except SaveRefusedError as error:
            raise APIError(error.status, str(error), data={"run_id": run_id}) from None
        return empty_response(200)
