"""SQL of the record of imports."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow
from api.tables import RatingImport, User


async def add(session: AsyncSession, values: dict[str, Any]) -> None:
    """Record an import."""
    await session.execute(insert(RatingImport).values(values))


async def page(
    session: AsyncSession,
    *,
    user_id: int | None = None,
    limit: int | None = None,
    before: int | None = None,
) -> Sequence[AnyRow]:
    """Read the imports of one or all users, newest first."""
    query = select(*RatingImport.__table__.columns, User.username)
    query = query.join(User, User.id == RatingImport.user_id)
    if user_id is not None:
        query = query.where(RatingImport.user_id == user_id)
    if before is not None:
        query = query.where(RatingImport.id < before)
    return (
        await session.execute(query.order_by(RatingImport.id.desc()).limit(limit))
    ).all()
