"""One engine for each app, one session for each request or call: `database.session()` in pages and in steps."""

from __future__ import annotations

import click
import flask
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from .models import Base, Book


def init_app(app: flask.Flask) -> None:
    app.extensions["database"] = sa.engine_from_config(app.config.get_namespace("DATABASE_"), prefix="")
    app.teardown_appcontext(close)
    app.cli.add_command(init_db)


def session() -> Session:
    if "session" not in flask.g:
        flask.g.session = Session(flask.current_app.extensions["database"])
    found: Session = flask.g.session
    return found


def close(_: BaseException | None = None) -> None:
    found: Session | None = flask.g.pop("session", None)
    if found is not None:
        found.close()


@click.command("init-db")
@with_appcontext
def init_db() -> None:
    """Create the tables, and put a few books on the shelf."""
    Base.metadata.create_all(flask.current_app.extensions["database"])
    books = [
        Book(title="Flatland", cents=900, stock=3),
        Book(title="Erewhon", cents=1200, stock=1),
        Book(title="Utopia", cents=800, stock=0),
    ]
    with session().begin():
        session().add_all(books)
    click.echo(f"{len(books)} books are on the shelf")
