"""SQL of the expectations that models must meet."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.tables import Expectation


async def expectations(session: AsyncSession) -> Sequence[Expectation]:
    """Read all expectations, oldest first."""
    return (await session.scalars(select(Expectation).order_by(Expectation.id))).all()


async def add(session: AsyncSession, values: dict[str, Any]) -> Expectation:
    """Store an expectation; raises `IntegrityError` if the name is taken."""
    statement = insert(Expectation).values(values).returning(Expectation)
    return (await session.scalars(statement)).one()


async def remove(session: AsyncSession, expectation_id: int) -> bool:
    """Delete an expectation; false if there was none."""
    statement = delete(Expectation).where(Expectation.id == expectation_id)
    deleted = await session.execute(statement.returning(Expectation.id))
    return deleted.first() is not None
