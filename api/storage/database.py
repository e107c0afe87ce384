"""Connections to PostgreSQL and the migrations that shape it."""

import asyncio
import select
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Row, Select, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
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
MIGRATIONS = Path(__file__).parents[2] / "migrations"


def create_engine(settings: Settings, url: str) -> AsyncEngine:
    """Make a pool that would rather fail fast than queue without end."""
    milliseconds = round(settings.database_timeout_seconds * 1000)
    engine = create_async_engine(
        url,
        pool_size=settings.database_connections,
        max_overflow=0,
        pool_timeout=settings.database_timeout_seconds,
        hide_parameters=True,  # an error's text is logged, and these may be secret
        connect_args={
            "connect_timeout": 3,
            "options": f"-c statement_timeout={milliseconds} -c timezone=UTC",
        },
    )
    event.listen(engine.sync_engine.pool, "checkout", refuse_closed)
    return engine


def refuse_closed(connection: DBAPIConnection, *_: object) -> None:
    """Have the pool replace its connections when the server has closed this one.

    A server has nothing to say to who is idle, so whatever there is to read is the end.
    To ask it at every checkout (`pool_pre_ping`) would take a round trip.
    """
    poll = select.poll()
    poll.register(connection.driver_connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise InvalidatePoolError


def create_session_factory(engine: AsyncEngine) -> SessionFactory:
    """Make sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def create_reading_factory(engine: AsyncEngine) -> SessionFactory:
    """Make sessions in which each statement is a transaction of its own.

    That spares two round trips. Other sessions see no more of one moment, since at
    PostgreSQL's default level each statement sees what is committed when it begins.
    """
    return create_session_factory(
        engine.execution_options(isolation_level="AUTOCOMMIT")
    )


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
