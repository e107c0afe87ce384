"""Connections to PostgreSQL and the migrations that shape it."""

import asyncio
import select
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Row, Select, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from api.settings import OperatorError, Settings

T = TypeVar("T")
SessionFactory = async_sessionmaker[AsyncSession]
AnyRow = Row[*tuple[Any, ...]]
"""A row of a query whose columns are named where it is written."""
AnySelect = Select[*tuple[Any, ...]]
MIGRATIONS = Path(__file__).parents[2] / "migrations"


def create_engine(settings: Settings, url: str) -> AsyncEngine:
    """Make a pool of connections that fails fast instead of queueing forever."""
    milliseconds = round(settings.database_timeout_seconds * 1000)
    engine = create_async_engine(
        url,
        pool_size=settings.database_connections,
        max_overflow=0,
        pool_timeout=settings.database_timeout_seconds,
        hide_parameters=True,  # errors are logged, and parameters may be secret
        connect_args={
            "connect_timeout": 3,
            "options": f"-c statement_timeout={milliseconds} -c timezone=UTC",
        },
    )
    event.listen(engine.sync_engine.pool, "checkout", refuse_closed)
    return engine


def refuse_closed(connection: DBAPIConnection, *_: object) -> None:
    """Replace the pool's connections if the server has closed this one.

    A server sends nothing on an idle connection but its end. A ping at every checkout
    (`pool_pre_ping`) would take a round trip.
    """
    poll = select.poll()
    poll.register(connection.driver_connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise InvalidatePoolError


def create_session_factory(engine: AsyncEngine) -> SessionFactory:
    """Make sessions whose objects stay readable after a commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def in_session(
    settings: Settings, url: str, call: Callable[[AsyncSession], Awaitable[T]]
) -> T:
    """Run one service call in its own session, from outside of an event loop."""

    async def connect_and_call() -> T:
        engine = create_engine(settings, url)
        try:
            async with create_session_factory(engine)() as session:
                return await call(session)
        finally:
            await engine.dispose()

    return asyncio.run(connect_and_call())


def alembic_config(url: str) -> Config:
    """Configure Alembic without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Migrate the schema to `revision`; several processes may call this at once.

    Raises
    ------
    OperatorError
        A newer version of Cinefold made the schema.
    """
    try:
        command.upgrade(alembic_config(url), revision)
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise
        raise OperatorError(
            "A newer version of Cinefold made this database; the newest schema that "
            f"this one knows is {head_revision()}. Install that version, or restore a "
            "backup of before into another database."
        ) from error


def knows_revision(revision: str) -> bool:
    """Whether there is a migration to a revision."""
    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    return revision in {script.revision for script in scripts}


def head_revision() -> str | None:
    """Return the newest revision."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
