"""SQL about the database server itself."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


async def settings(session: AsyncSession) -> dict[str, str]:
    """Read the version number and the settings that durability depends on."""
    query = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
    rows = await session.execute(query, {"names": ["server_version_num", *DURABILITY]})
    return {row.name: row.setting for row in rows}


async def revision(session: AsyncSession) -> str | None:
    """Read the revision of the schema; `None` before the first migration."""
    exists = text("SELECT to_regclass('alembic_version') IS NOT NULL")
    if not (await session.execute(exists)).scalar_one():
        return None
    query = text("SELECT version_num FROM alembic_version")
    found: str | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def host(session: AsyncSession) -> str:
    """Return the server's host, or the folder of its socket."""
    raw: Any = await (await session.connection()).get_raw_connection()
    found: str = raw.driver_connection.info.host
    return found


async def database_bytes(session: AsyncSession) -> int:
    """Measure the database."""
    query = text("SELECT pg_database_size(current_database())")
    return int((await session.execute(query)).scalar_one())


async def tables(session: AsyncSession) -> Sequence[AnyRow]:
    """Measure the tables with their indexes, the largest first.

    The number of rows is the planner's estimate: a count would read all rows.
    """
    query = text("""
        SELECT relname AS name, pg_total_relation_size(oid) AS n_bytes,
            CASE WHEN reltuples >= 0 THEN CAST(reltuples AS bigint) END AS n_rows
        FROM pg_class
        WHERE relkind = 'r' AND relnamespace = CAST('public' AS regnamespace)
        ORDER BY n_bytes DESC, name
    """)
    return (await session.execute(query)).all()


async def is_read_only(session: AsyncSession) -> bool:
    """Whether the server accepts no writes, as a standby or by its settings."""
    query = text("SELECT current_setting('transaction_read_only') = 'on'")
    return bool(await session.scalar(query))
