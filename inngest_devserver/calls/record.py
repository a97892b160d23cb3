"""What the engine asked of apps, for people: a bounded record of the calls of each run, in memory. Decides nothing.

Headers are not recorded, since they hold signatures and may hold passwords; of a large body, the beginning is.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from dataclasses import dataclass

from inngest_core.protocol.wire import STEP_ID_OF_DISCOVERY, Header
from inngest_devserver.changes import Changes
from inngest_devserver.scheduling.clock import Clock

from .caller import CALL_SECONDS, Sender
from .reply import Answer
from .requests import without_password

MOST_OF_A_RUN = 50
"""Calls of one run; of more than these, the latest are kept."""
MOST_BYTES = 8 * 1024 * 1024
"""Bodies of all calls together, and what is around each; of more than these, the latest runs are kept."""
LARGEST_BODY = 8 * 1024
"""Bytes that are kept of a body."""
_AROUND = 768
"""Bytes that a call takes besides its bodies, about."""


@dataclass(eq=False, slots=True)
class Recorded:
    """One call. step_id: that of the step that was asked for, or "step". generation: the attempt, from 1.

    ended_at: None while it is under way. status: 0 when no answer came, and then `error` says why.
    sent, received: the bodies, or their beginnings; sent_bytes, received_bytes: how long they were.
    is_kept: whether the record still has it.
    """

    id: str
    step_id: str
    generation: str
    called_url: str
    began_at: float
    sent: bytes
    sent_bytes: int
    ended_at: float | None = None
    status: int = 0
    error: str = ""
    received: bytes = b""
    received_bytes: int = 0
    is_kept: bool = True

    @property
    def attempt(self) -> int:
        """The attempt, from 0."""
        return int(self.generation) - 1

    @property
    def url(self) -> str:
        """Where the app was called, without what may be secret."""
        return without_password(self.called_url).partition("?")[0]

    def forget(self) -> int:
        """Note that the record has it no more; return how many bytes it has taken."""
        self.is_kept = False
        return len(self.sent) + len(self.received) + _AROUND


class CallRecord:
    """The calls of the latest runs. It makes them, too, by the sender that it is given: it is a Sender itself."""

    def __init__(self, sender: Sender, clock: Clock, changes: Changes) -> None:
        self._sender = sender
        self._clock = clock
        self._changes = changes
        self._runs: collections.OrderedDict[str, list[Recorded]] = collections.OrderedDict()
        self._bytes = 0

    def of_run(self, run_id: str) -> list[Recorded]:
        """Return the calls of a run that are kept, oldest first."""
        return list(self._runs.get(run_id, ()))

    def running(self, run_id: str) -> dict[str, float]:
        """Return the steps that a run's calls run now, and when these began."""
        return {call.step_id: call.began_at for call in self._runs.get(run_id, ()) if call.ended_at is None}

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = CALL_SECONDS
    ) -> Answer:
        run_id = headers.get(Header.RUN_ID, "")
        if not run_id:
            return await self._sender.send(method, url, headers, body, seconds=seconds)
        call = self._begin(run_id, url, headers, body)
        try:
            answer = await self._sender.send(method, url, headers, body, seconds=seconds)
        except BaseException as error:
            call.error = str(error) or "given up, as its run has ended or the engine has stopped"
            raise
        else:
            call.status, call.received_bytes = answer.status, len(answer.body)
            call.received = answer.body[:LARGEST_BODY]
            return answer
        finally:
            call.ended_at = self._clock.now()
            if call.is_kept:
                self._bytes += len(call.received)
            outcome = "FAILED" if call.error else "COMPLETED"
            self._changes.tell("call", call.id, run_id, step=call.step_id, status=outcome)

    def _begin(self, run_id: str, url: str, headers: Mapping[str, str], body: bytes) -> Recorded:
        call = Recorded(
            headers.get(Header.REQUEST_ID, ""),
            headers.get(Header.STEP_ID, STEP_ID_OF_DISCOVERY),
            headers.get(Header.GENERATION_ID, "1"),
            url,
            self._clock.now(),
            body[:LARGEST_BODY],
            len(body),
        )
        self._keep(run_id, call)
        self._changes.tell("call", call.id, run_id, step=call.step_id, status="RUNNING")
        return call

    def _keep(self, run_id: str, call: Recorded) -> None:
        calls = self._runs.get(run_id)
        if calls is None:
            calls = self._runs[run_id] = []
        else:
            self._runs.move_to_end(run_id)
        if len(calls) == MOST_OF_A_RUN:
            self._bytes -= calls.pop(0).forget()
        calls.append(call)
        self._bytes += len(call.sent) + _AROUND
        while self._bytes > MOST_BYTES and len(self._runs) > 1:
            _, gone = self._runs.popitem(last=False)
            self._bytes -= sum(each.forget() for each in gone)

    async def close(self) -> None:
        await self._sender.close()
