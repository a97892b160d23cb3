"""`inngest dev a:app b:app`: one engine and several apps; one that ends is started again, and the others go on."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from .commands import SHOP, Dev, dev, run

pytestmark = pytest.mark.live


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "mail.py").write_text(SHOP.replace('app_id="shop"', 'app_id="mail"').replace("user/came", "mail/came"))
    return tmp_path


def apps_of(session: Dev) -> dict[str, str]:
    """Return the addresses of both apps by their targets."""
    lines = [session.until("  app  ") for _ in range(2)]
    found = [re.search(r"(http://[\d.:]+)/\S+\s+\((\w+)\)", line) for line in lines]
    return {match[2]: match[1] for match in found if match}


def test_an_app_that_ends_is_started_again_and_the_other_one_goes_on(folder: Path) -> None:
    with dev("shop", "mail", folder=folder) as session:
        origin = session.origin()
        apps = apps_of(session)
        assert set(apps) == {"shop", "mail"}
        session.until("ready:")
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{apps['mail']}/end", trust_env=False, timeout=60)
        assert "the app mail ended with exit code 3; it is started again in 1 s" in session.until("ended with")
        run("send", "user/came", '{"name": "Ada", "n": 2}', "--url", origin)
        assert "shop-greet" in session.until("run completed")
        run("send", "mail/came", '{"name": "Bob", "n": 2}', "--url", origin)
        assert "mail-greet" in session.until("run completed")
        assert session.process.poll() is None


def test_an_app_that_cannot_be_started_ends_the_command(folder: Path) -> None:
    said = run("dev", "shop", "nothing", "--port", "0", folder=folder, code=1)
    assert "there is no module 'nothing'" in said


def test_options_of_one_app_are_refused_for_several(folder: Path) -> None:
    assert "are about one app" in run("dev", "shop", "mail", "--path", "/x", folder=folder, code=2)
