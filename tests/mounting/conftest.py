"""A certificate for the tests of this folder, and Django without memories of the patterns of earlier ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import clear_url_caches

from .proxy import TLS, make_tls


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TLS:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def no_url_cache() -> Iterator[None]:
    yield
    clear_url_caches()
