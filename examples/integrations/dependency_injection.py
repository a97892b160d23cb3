"""Notes whose route and function share a dependency. Start it, with an engine, from the directory above `examples`:

    inngest dev examples.integrations.dependency_injection

and ask for a note from another terminal:

    inngest send notes/asked '{"text": "buy milk"}'

The route `/notes` and the function get their session in the same way; each is closed where its request or call ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Annotated

import fastapi

import inngest
import inngest.fast_api
from inngest.middleware.dependency_injection import DependencyInjection

NOTES = "file:notes?mode=memory&cache=shared"
kept = sqlite3.connect(NOTES, uri=True, check_same_thread=False)
"""Keeps the database in memory for as long as the app runs."""
kept.execute("CREATE TABLE notes (text TEXT)")


def get_session() -> Iterator[sqlite3.Connection]:
    session = sqlite3.connect(NOTES, uri=True, check_same_thread=False)
    try:
        yield session
    finally:
        session.close()
        print("session closed", flush=True)


Session = Annotated[sqlite3.Connection, fastapi.Depends(get_session)]

client = inngest.Inngest(app_id="notes", middleware=[DependencyInjection()])


@client.create_function(fn_id="write", trigger=inngest.TriggerEvent(event="notes/asked"))
def write(ctx: inngest.ContextSync, session: Session) -> int:
    def insert(text: str) -> int:
        with session:  # committed within the step: its result is not kept without what it has done
            session.execute("INSERT INTO notes VALUES (?)", [text])
        (count,) = session.execute("SELECT count(*) FROM notes").fetchone()
        print(f"notes: {count}", flush=True)
        return int(count)

    return ctx.step.run("insert", insert, ctx.event.data["text"])


app = fastapi.FastAPI()


@app.get("/notes")
def notes(session: Session) -> list[str]:
    return [text for (text,) in session.execute("SELECT text FROM notes")]


inngest.fast_api.serve(app, client, [write])
