"""`inngest dev --mask` and `--no-mask`: which values the commands show."""

from __future__ import annotations

from pathlib import Path

import pytest

from .commands import dev, run

pytestmark = pytest.mark.live

DATA = '{"name": "Ada", "n": 2, "password": "hunter2", "user_id": 7}'


@pytest.mark.parametrize(
    ("options", "hidden", "shown"),
    [
        ((), ["hunter2"], ['"name": "Ada"', '"user_id": 7']),
        (("--mask", "name,*_id"), ["hunter2", '"Ada"', '"user_id": 7'], ['"n": 2', '"hello Ada"']),
        (("--no-mask",), [], ["hunter2", '"user_id": 7']),
    ],
)
def test_values_of_named_fields_are_not_shown(
    shop: Path, options: tuple[str, ...], hidden: list[str], shown: list[str]
) -> None:
    with dev("shop", *options, folder=shop) as session:
        origin = session.origin()
        session.until("ready:")
        event = run("send", "user/came", DATA, "--url", origin).split()[2]
        session.until("run completed")
        printed = run("runs", "--event", event, "--url", origin) + run("logs", "--url", origin)
    assert [text for text in hidden if text in printed] == []
    assert [text for text in shown if text not in printed] == []


def test_naming_fields_and_hiding_nothing_are_opposites(tmp_path: Path) -> None:
    assert "give one of them" in run("dev", "--mask", "a", "--no-mask", folder=tmp_path, code=2)
