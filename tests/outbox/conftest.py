"""The databases, one server of each for a session; and the outbox in each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import inngest
from tests.stage.engine_api import EngineDouble
from tests.targets import django_site  # noqa: F401  # pyright: ignore[reportUnusedImport]  # it sets Django up

from .database_servers import running_mariadb, running_postgres
from .event_api import Events
from .places import Place, new_place

DRIVERS = [
    *("sqlite+pysqlite", "sqlite+aiosqlite"),
    *(
        pytest.param(driver, marks=pytest.mark.databases)
        for driver in ("postgresql+psycopg", "postgresql+asyncpg", "mysql+pymysql", "mysql+aiomysql")
    ),
]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    with running_mariadb() as url:
        yield url


@pytest.fixture(params=DRIVERS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, or of one whose tables may be dropped."""
    driver: str = request.param
    match driver.partition("+")[0]:
        case "postgresql":
            return f"{driver}:{request.getfixturevalue('postgres')}"
        case "mysql":
            return f"{driver}:{request.getfixturevalue('mariadb')}"
        case _:
            return f"{driver}:///{tmp_path / 'shop.db'}"


@pytest.fixture
def client(engine: EngineDouble) -> Iterator[inngest.Inngest]:
    with inngest.Inngest(
        app_id="shop", is_production=False, api_base_url=engine.origin, event_api_base_url=engine.origin
    ) as made:
        yield made


@pytest.fixture
def place(database_url: str, client: inngest.Inngest) -> Iterator[Place]:
    with new_place(database_url, client) as made:
        yield made


@pytest.fixture
def sent(engine: EngineDouble) -> Events:
    events = Events()
    engine.reset({"*": [events]})
    return events
