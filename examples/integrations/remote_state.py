"""Reports whose large parts are kept in a directory. Start it, with an engine, from the directory above `examples`:

    inngest dev examples.integrations.remote_state

and ask for a report from another terminal:

    inngest send report/asked '{"lines": 2000}'

Set BUCKET to the name of a bucket of S3 to keep them there.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import inngest
import inngest.asgi
from inngest.middleware.remote_state import DirectoryStore, RemoteStateMiddleware, S3Store, Store

folder = tempfile.TemporaryDirectory()
store: Store = S3Store(os.environ["BUCKET"]) if "BUCKET" in os.environ else DirectoryStore(folder.name)
client = inngest.Inngest(app_id="reports", middleware=[RemoteStateMiddleware.factory(store)])


def write(lines: int) -> list[str]:
    return [f"line {number} of a long report" for number in range(lines)]


@client.create_function(fn_id="report", trigger=inngest.TriggerEvent(event="report/asked"))
async def report(ctx: inngest.Context) -> int:
    lines = await ctx.step.run("write", write, ctx.event.data["lines"])
    files = [path for path in Path(folder.name).rglob("*") if path.is_file()]
    print(f"stored: {len(files)} file", flush=True)
    print(f"lines read back: {len(lines)}", flush=True)
    return len(lines)


app = inngest.asgi.serve(client, [report])
