"""What is kept, and a session for each request and each step."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Annotated

import fastapi
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from inngest.outbox.sqlalchemy import Outbox

from .client import client


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    confirmed: Mapped[bool] = mapped_column(default=False)


outbox = Outbox(client, Base.metadata)
engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///signup.db"))
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    """One transaction for each request: it commits when the endpoint returns."""
    async with sessions.begin() as session:
        yield session


InSession = Annotated[AsyncSession, fastapi.Depends(get_session, scope="function")]
