"""Making an export: a step for each month, so a restart in November does not begin with January again."""

from __future__ import annotations

import calendar
import random

import inngest

from .database import Database

client = inngest.Inngest(app_id="exports")


def make_export(database: Database) -> inngest.Function[int]:
    """Return the function that makes exports in a database."""

    def add_month(export: int, year: int, month: int) -> None:
        days = calendar.monthrange(year, month)[1]
        sales = random.Random(year * 100 + month)  # noqa: S311 - figures that look like figures
        rows = (f"{year}-{month:02}-{day:02},{sales.randint(10, 99)}\n" for day in range(1, days + 1))
        database.keep(export, month, "".join(rows))

    @client.create_function(
        fn_id="make-export",
        trigger=inngest.TriggerEvent(event="export/asked"),
        concurrency=[inngest.Concurrency(limit=2)],
    )
    def export(ctx: inngest.ContextSync, step: inngest.StepSync) -> int:
        number, year = ctx.event.data["export"], ctx.event.data["year"]
        for month in range(1, 13):
            step.run(f"month {month}", add_month, number, year, month)
        return step.run("count", database.months, number)

    return export
