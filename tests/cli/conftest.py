"""The folder of a user who has written a shop."""

from __future__ import annotations

from pathlib import Path

import pytest

from .commands import SHOP


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path
