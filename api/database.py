"""Connections to PostgreSQL and the migrations that shape it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from api.settings import Settings

T = TypeVar("T")
SessionFactory = async_sessionmaker[AsyncSession]
AnyRow = Row[*tuple[Any, ...]]
"""A row of a query whose columns are named where it is written."""
AnySelect = Select[*tuple[Any, ...]]
MIGRATIONS = Path(__file__).parent.parent / "migrations"


def create_engine(settings: Settings, url: str) -> AsyncEngine:
    """Make a pool that would rather fail fast than queue without end."""
    milliseconds = round(settings.database_timeout_seconds * 1000)
    return create_async_engine(
        url,
        pool_size=settings.database_connections,
        max_overflow=0,
        pool_timeout=settings.database_timeout_seconds,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text is logged, and these may be secret
        connect_args={
            "connect_timeout": 3,
            "options": f"-c statement_timeout={milliseconds} -c timezone=UTC",
        },
    )


def create_session_factory(engine: AsyncEngine) -> SessionFactory:
    """Make sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def in_session(
    settings: Settings, url: str, call: Callable[[AsyncSession], Awaitable[T]]
) -> T:
    """Run one service call in a session of its own, from outside an event loop."""

    async def connect_and_call() -> T:
        engine = create_engine(settings, url)
        try:
            async with create_session_factory(engine)() as session:
                return await call(session)
        finally:
            await engine.dispose()

    return asyncio.run(connect_and_call())


def alembic_config(url: str) -> Config:
    """Configure Alembic without an ini file: there is one database and one history."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema up to `revision`; safe to call from several processes."""
    command.upgrade(alembic_config(url), revision)


def head_revision() -> str | None:
    """Name the newest revision there is."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
