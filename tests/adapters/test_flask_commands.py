"""Flask: `flask inngest`, found by its entry point, with the app that `flask` was asked for."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from inngest_cli.main import command_parsers
from tests.cli.commands import ROOT, Dev, environ, running
from tests.stage.engine_api import EngineDouble

pytestmark = pytest.mark.live

SHOP = """
    import flask
    import inngest
    import inngest.flask

    client = inngest.Inngest(app_id="shop", is_production=False)

    @client.create_function(fn_id="hello", trigger=inngest.TriggerEvent(event="shop/hello"))
    def hello(ctx, step):
        return step.run("say", lambda: "hello from " + flask.current_app.name)

    extension = inngest.flask.Extension(client, [hello])

    def create_app(engine=None):
        app = flask.Flask("shop")
        if engine:
            app.config.update(INNGEST_EVENT_API_BASE_URL=engine, INNGEST_EVENT_KEY="key-1")
        extension.init_app(app)
        return app

    def misconfigured():
        app = flask.Flask("shop")
        app.config["INNGEST_EVENT_KEYS"] = "key-1"
        extension.init_app(app)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an app, and with the entry points of this package as an installation has them."""
    (tmp_path / "shop.py").write_text(textwrap.dedent(SHOP))
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["flask.commands"]
    installed = tmp_path / "installed" / "entry_points_of_the_tests-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: entry-points-of-the-tests\nVersion: 1\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (installed / "entry_points.txt").write_text(f"[flask.commands]\n{lines}")
    return tmp_path


def command(folder: Path, *arguments: str, app: str = "shop:create_app") -> tuple[list[str], dict[str, str]]:
    paths = f"{ROOT}:{folder / 'installed'}"
    return [sys.executable, "-m", "flask", "--app", app, "inngest", *arguments], environ(PYTHONPATH=paths)


def flask_inngest(folder: Path, *arguments: str, code: int = 0, app: str = "shop:create_app") -> str:
    line, variables = command(folder, *arguments, app=app)
    done = subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def flask_inngest_dev(folder: Path, *arguments: str) -> contextlib.AbstractContextManager[Dev]:
    line, variables = command(folder, "dev", "--port=0", *arguments)
    return running(line, folder, variables)


def test_every_command_of_the_command_line_is_there(folder: Path) -> None:
    shown = flask_inngest(folder, "--help")
    for name in command_parsers():
        assert f"\n  {name} " in shown
    assert "usage: flask inngest dev" in flask_inngest(folder, "dev", "--help")


def test_an_event_goes_to_the_engine_of_the_settings(folder: Path, engine: EngineDouble) -> None:
    engine.reset({"*": [(200, {"ids": ["01EVENT"], "status": 200})]})
    app = f"shop:create_app('{engine.origin}')"
    assert "sent shop/hello 01EVENT" in flask_inngest(folder, "send", "shop/hello", '{"n": 1}', app=app)
    [sent] = engine.requests
    assert (sent.path, sent.json()["data"]) == ("/e/key-1", {"n": 1})


def test_what_the_user_can_fix_is_clicks_error(folder: Path) -> None:
    said = flask_inngest(folder, "send", "x", "[]", code=2)
    assert "Error: DATA_JSON '[]' is a JSON array" in said
    assert "Error: the following arguments are required: NAME" in flask_inngest(folder, "send", code=2)
    assert "Error: no engine is running at" in flask_inngest(folder, "runs", "--url=http://127.0.0.1:1", code=1)
    assert "No such command 'nothing'" in flask_inngest(folder, "nothing", code=2)


@pytest.mark.parametrize("command", ["dev", "worker", "runs"])
def test_a_setting_that_does_not_fit_is_clicks_error(folder: Path, command: str) -> None:
    said = flask_inngest(folder, command, code=2 if command == "runs" else 1, app="shop:misconfigured")
    assert "Traceback" not in said
    assert 'Error: app.config["INNGEST_EVENT_KEYS"] is not a setting; did you mean' in said


def test_only_the_command_that_serves_tells_of_a_missing_key(folder: Path) -> None:
    (folder / "cloud.py").write_text(
        "import flask, inngest, inngest.flask\n"
        "app = flask.Flask('shop')\n"
        "inngest.flask.serve(app, inngest.Inngest(app_id='shop', is_production=True), [])\n"
        "@app.cli.command('init-db')\n"
        "def init_db(): print('made')\n"
    )
    line, variables = command(folder, app="cloud")
    flask = line[: line.index("inngest")]

    def say(*arguments: str) -> str:
        done = subprocess.run(
            [*flask, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr

    assert say("init-db") == "made\n"
    assert "no signing key" not in say("routes")
    with running([*flask, "run", "--port=0"], folder, variables) as session:
        session.until("Running on")
        assert "no signing key: set INNGEST_SIGNING_KEY" in session.seen


def test_an_app_that_is_not_there_is_clicks_error(folder: Path) -> None:
    said = flask_inngest(folder, "dev", code=1, app="shop:nothing")
    assert "Traceback" not in said
    assert "Error: Failed to find attribute 'nothing' in 'shop'." in said


def test_the_app_of_flask_is_run_with_an_engine(folder: Path) -> None:
    with flask_inngest_dev(folder) as session:
        session.check_an_event_is_run("shop-hello", "shop/hello", "{}")
