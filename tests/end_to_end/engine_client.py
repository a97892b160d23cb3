"""The engine's HTTP API as a user's script would use it: send events, look at runs. Waits on news, never on time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from tests.stage.effects import News
from tests.stage.sockets import NO_TLS


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as the API shows it."""

    id: str
    status: str
    output: Any
    function: str

    @property
    def error(self) -> tuple[str, str]:
        return self.output["name"], self.output["message"]


class EngineClient:
    """ends: tells when a run has ended."""

    def __init__(self, origin: str, ends: News, *, event_key: str = "key", bearer: str | None = None) -> None:
        self.origin = origin
        self._ends = ends
        self._event_key = event_key
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        self._names: dict[str, str] = {}
        self._http = httpx.Client(base_url=origin, trust_env=False, verify=NO_TLS, headers=headers, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._http.request(method, path, **more)

    def get(self, path: str) -> Any:
        answer = self._http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def post_events(self, events: Any, **headers: str) -> list[str]:
        answer = self._http.post(f"/e/{self._event_key}", json=events, headers=headers)
        assert answer.status_code == 200, answer.text
        ids: list[str] = answer.json()["ids"]
        return ids

    def send(self, name: str, data: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Send an event; return its internal id."""
        return self.post_events({"name": name, "data": data or {}, **fields})[0]

    def _name(self, function_id: str) -> str:
        if function_id not in self._names:
            functions = self._http.get("/dev").json()["functions"]
            self._names.update({function["id"]: function["slug"] for function in functions})
        return self._names.get(function_id, function_id)

    def runs(self, event_id: str) -> list[Seen]:
        return [self._seen(run) for run in self.get(f"/v1/events/{event_id}/runs")]

    def latest(self) -> list[Seen]:
        return [self._seen(run) for run in self.get("/v1/runs?limit=100")]

    def one(self, run_id: str) -> Seen:
        return self._seen(self.get(f"/v1/runs/{run_id}"))

    def _seen(self, run: Mapping[str, Any]) -> Seen:
        assert bool(run["ended_at"]) is (run["status"] != "Running"), run
        return Seen(run["run_id"], run["status"], run["output"], self._name(run["function_id"]))

    def history(self, run_id: str) -> list[tuple[str, str]]:
        """Return (type, step name) of everything that happened in a run."""
        return [(item["type"], item["name"]) for item in self.get(f"/v1/runs/{run_id}/history")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name, newest first, also the engine's own."""
        found: list[dict[str, Any]] = self.get(f"/v1/events?name={name}&include_internal=true&limit=100")
        return found

    def ended(self, event_id: str, count: int = 1) -> list[Seen]:
        """Wait until the event has started so many runs and all are over."""

        def seen() -> list[Seen] | None:
            runs = self.runs(event_id)
            return runs if len(runs) >= count and all(run.status != "Running" for run in runs) else None

        return self._ends.until(seen, f"{count} ended runs of event {event_id}")

    def run(self, name: str, data: Mapping[str, Any] | None = None, **fields: Any) -> Seen:
        """Send an event, wait for the one run it starts, return it."""
        runs = self.ended(self.send(name, data, **fields))
        assert len(runs) == 1, runs
        return runs[0]
