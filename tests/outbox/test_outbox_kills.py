"""A process with an outbox is killed at any moment: every order that was committed has its event, and no other has."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from tests.stage.effort import LONG
from tests.stage.engine_api import Answer, EngineDouble, Recorded

DRIVERS = [
    "sqlite+pysqlite",
    *(pytest.param(driver, marks=pytest.mark.databases) for driver in ("postgresql+psycopg", "mysql+pymysql")),
]
KILLS = 200 if LONG else 2


@dataclass(frozen=True)
class Shop:
    """The processes of a shop. module: what they run; url: of its database; origin: of the engine."""

    module: str
    url: str
    origin: str

    def run(self, command: str) -> str:
        """Run a command to its end; return what it printed."""
        done = subprocess.run(self._line(command), check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def sell(self, first: int) -> None:
        """Take orders, and be killed somewhere within one."""
        with subprocess.Popen(self._line("sell", str(first)), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(random.randint(1, 12)):  # noqa: S311 - not a secret
                assert process.stdout.readline(), "the shop ended by itself"
            time.sleep(random.random() * 0.01)  # noqa: S311 - anywhere between two lines
            process.kill()

    def _line(self, command: str, *more: str) -> list[str]:
        return [sys.executable, "-m", f"tests.outbox.{self.module}", command, self.url, self.origin, *more]


@pytest.mark.timeout(3600 if LONG else 180)
@pytest.mark.parametrize("module", ["shop_process", "django_shop_process"])
@pytest.mark.parametrize("database_url", DRIVERS, indirect=True)
def test_no_event_is_lost_and_none_is_invented(module: str, database_url: str, engine: EngineDouble) -> None:
    taken: dict[str, int] = {}

    def take(request: Recorded) -> Answer:
        events = request.json()
        taken.update((event["id"], event["data"]["number"]) for event in events)
        return 200, {"ids": [event["id"] for event in events], "status": 200}

    engine.reset({"*": [take]})
    shop = Shop(module, database_url, engine.origin)
    shop.run("prepare")
    for kill in range(KILLS):
        shop.sell(kill * 1000)
    orders: list[int] = json.loads(shop.run("finish"))
    assert orders
    assert sorted(taken.values()) == sorted(orders)
