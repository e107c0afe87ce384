"""SQL about the database server itself."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


async def settings(session: AsyncSession) -> dict[str, str]:
    """Read its version number and the settings that durability rests on."""
    query = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
    rows = await session.execute(query, {"names": ["server_version_num", *DURABILITY]})
    return {row.name: row.setting for row in rows}


async def revision(session: AsyncSession) -> str | None:
    """Read the revision of the schema; `None` if nothing was ever migrated."""
    exists = text("SELECT to_regclass('alembic_version') IS NOT NULL")
    if not (await session.execute(exists)).scalar_one():
        return None
    query = text("SELECT version_num FROM alembic_version")
    found: str | None = (await session.execute(query)).scalar_one_or_none()
    return found
