"""The route by which apps tell of a run, or of a step, outside of the answers to calls. Decides nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from inngest_core.protocol.wire import hash_id, json_kind, parse_object
from inngest_core.web.messages import Response
from inngest_devserver.calls.metadata import RUN_SCOPE, STEP_SCOPE, in_short, is_unicode, read_metadata
from inngest_devserver.engine import Engine

from .answers import APIError, Call, empty_response

_HASHED = re.compile(r"[0-9a-f]{40}")


class MetadataRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, call: Call) -> Response:
        """Keep metadata of a run that goes on or has ended: 200 and nothing."""
        run_id, body = call.path["run"], parse_object(call.request.body)
        if self._engine.store.run(run_id) is None:
            raise APIError(404, "run not found")
        target: object = body.get("target") or {}
        if not isinstance(target, dict):
            raise APIError(400, f"target is a JSON {json_kind(target)}; expected an object")
        step_id = _step_id(cast("dict[str, Any]", target))
        metadata = read_metadata(body.get("metadata"), STEP_SCOPE if step_id else RUN_SCOPE)
        if metadata.refused:
            raise APIError(400, f"metadata that was not kept: {in_short(metadata.refused)}")
        refused = self._engine.active.describe(run_id, step_id, metadata.entries, self._engine.clock.now())
        if refused:
            raise APIError(413, f"metadata that was not kept: {in_short(refused)}")
        return empty_response(200)


def _step_id(target: Mapping[str, Any]) -> str:
    """Return the hashed id of the step that is meant; empty for the run."""
    step_id, index = target.get("step_id"), target.get("step_index")
    if step_id is None or step_id == "":
        return ""
    if not isinstance(step_id, str) or not is_unicode(step_id):
        raise APIError(400, "target.step_id is no text; expected the id of a step")
    return step_id if _HASHED.fullmatch(step_id) else hash_id(step_id, index if type(index) is int else 0)
