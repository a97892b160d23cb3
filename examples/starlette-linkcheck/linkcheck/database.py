"""The pages that are watched, and the links on them."""

from __future__ import annotations

import os

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import create_async_engine

metadata = sa.MetaData()
pages = sa.Table("pages", metadata, sa.Column("url", sa.String, primary_key=True))
links = sa.Table(
    "links",
    metadata,
    sa.Column("page", sa.String, sa.ForeignKey("pages.url"), primary_key=True),
    sa.Column("url", sa.String, primary_key=True),
    sa.Column("status", sa.Integer, nullable=False),
)
engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///linkcheck.db"))


async def create_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


async def watch(url: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(pages).values(url=url).on_conflict_do_nothing())


async def watched() -> list[str]:
    async with engine.connect() as connection:
        return list(await connection.scalars(sa.select(pages.c.url).order_by(pages.c.url)))


async def save(page: str, found: dict[str, int]) -> None:
    """Replace what is known of the links of a page."""
    async with engine.begin() as connection:
        await connection.execute(links.delete().where(links.c.page == page))
        if found:
            rows = [{"page": page, "url": url, "status": status} for url, status in found.items()]
            await connection.execute(links.insert(), rows)


async def dead_links() -> list[dict[str, object]]:
    async with engine.connect() as connection:
        rows = await connection.execute(sa.select(links).where(~links.c.status.between(200, 399)))
        return [dict(row) for row in rows.mappings()]
