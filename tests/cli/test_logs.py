"""What functions log shows in the terminal of `inngest dev`, once, whether or not the app configures logging."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from .commands import dev, run

pytestmark = pytest.mark.live

FLASK = """
import logging
import flask, inngest, inngest.flask

{setup}
client = inngest.Inngest(app_id="shop", is_production=False{client})

@client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="user/came"))
def greet(ctx, step):
    ctx.logger.debug("a detail")
    ctx.logger.info("hello %s", ctx.event.data["name"])
    logging.getLogger("some.library").info("chatter")

app = flask.Flask(__name__)
inngest.flask.serve(app, client, [greet])
"""
STARLETTE = """
import contextlib, logging, sys
import inngest, inngest.starlette
from starlette.applications import Starlette

client = inngest.Inngest(app_id="shop", is_production=False)

@client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="user/came"))
async def greet(ctx):
    {late}
    ctx.logger.info("hello %s", ctx.event.data["name"])

@contextlib.asynccontextmanager
async def lifespan(app):
    {setup}
    yield

app = Starlette(lifespan=lifespan)
inngest.starlette.serve(app, client, [greet])
"""
BASIC = "logging.basicConfig(level=logging.INFO, format='mine: %(message)s')"


def logged(folder: Path, source: str) -> str:
    """Run the app's function once; return all that the terminal shows."""
    (folder / "shop.py").write_text(source)
    with dev("shop", folder=folder) as session:
        origin = session.origin()
        session.until("ready:")
        run("send", "user/came", '{"name": "Ada"}', "--url", origin)
        session.until("run completed")
        session.process.terminate()
        session.seen += session.rest()
        return session.seen


def test_an_app_that_configures_nothing(tmp_path: Path) -> None:
    shown = logged(tmp_path, FLASK.format(setup="", client=""))
    assert shown.count("hello Ada") == 1
    assert " INFO inngest: hello Ada" in shown
    assert "a detail" not in shown
    assert "chatter" not in shown


def test_a_logger_of_the_apps_own(tmp_path: Path) -> None:
    shown = logged(tmp_path, FLASK.format(setup="", client=", logger=logging.getLogger('shop')"))
    assert shown.count(" INFO shop: hello Ada") == shown.count("hello Ada") == 1


def test_a_level_that_was_set_is_kept(tmp_path: Path) -> None:
    setup = "logging.getLogger('inngest').setLevel(logging.ERROR)"
    assert "hello Ada" not in logged(tmp_path, FLASK.format(setup=setup, client=""))


def test_an_app_that_configures_logging_at_import(tmp_path: Path) -> None:
    shown = logged(tmp_path, FLASK.format(setup=BASIC, client=""))
    assert shown.count("mine: hello Ada") == shown.count("hello Ada") == 1
    assert "mine: chatter" in shown


def test_an_app_that_configures_logging_when_it_starts(tmp_path: Path) -> None:
    shown = logged(tmp_path, STARLETTE.format(setup=BASIC, late="pass"))
    assert shown.count("mine: hello Ada") == shown.count("hello Ada") == 1


def test_an_app_that_configures_logging_later(tmp_path: Path) -> None:
    shown = logged(tmp_path, STARLETTE.format(setup="pass", late=BASIC))
    assert shown.count("mine: hello Ada") == shown.count("hello Ada") == 1


def test_an_async_app_that_configures_nothing_shows_no_request_lines(tmp_path: Path) -> None:
    shown = logged(tmp_path, STARLETTE.format(setup="pass", late="pass"))
    assert shown.count(" INFO inngest: hello Ada") == shown.count("hello Ada") == 1
    assert "POST /api/inngest" not in shown


TYPED = """
import pydantic
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="shop", is_production=False)

class Came(pydantic.BaseModel):
    name: str = pydantic.Field(examples=["Ada"])

@client.create_function(fn_id="greet", trigger=inngest.event_type("user/came", Came))
def greet(ctx, step):
    print("printed for", ctx.event.data.name)
    ctx.logger.info("logged, token=%s", "abc")

print("outside of any run")
app = flask.Flask(__name__)
inngest.flask.serve(app, client, [greet])
"""


def test_what_an_app_writes_belongs_to_its_run_and_its_types_are_known(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(TYPED)
    with dev("shop", folder=tmp_path) as session:
        origin = session.origin()
        session.until("ready:")
        run("send", "user/came", '{"name": "Ada"}', "--url", origin)
        session.until("run completed")
        while "logged, " not in (shown := run("logs", "--url", origin)):  # lines come beside the answers of the app
            pass
        assert "app    shop  outside of any run" in shown
        [found] = httpx.get(f"{origin}/api/v2/runs", timeout=60).json()["data"]
        assert f"app    shop  [{found['id'][-6:]}] printed for Ada" in shown
        lines = httpx.get(f"{origin}/api/v2/logs?runId={found['id']}&appId=shop", timeout=60).json()["data"]
        assert [line["text"].rpartition("inngest: ")[2] for line in lines] == [
            "printed for Ada",
            "logged, token=[masked]",
        ]
        of_function = run("logs", "--function", "greet", "--url", origin)
        assert "printed for Ada" in of_function
        assert "outside of any run" not in of_function
        [kind] = httpx.get(f"{origin}/api/v2/event-types", timeout=60).json()["data"]
        assert (kind["source"], kind["example"]) == ("app", {"name": "Ada"})
