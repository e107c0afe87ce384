"""SQL of replies kept for repeated requests."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.tables import IdempotentReply

KEPT_FOR = timedelta(days=1)
MOST_BYTES = 32 * 2**20  # of one user's replies, compressed; the oldest make room
FORGET = text(
    """
    DELETE FROM idempotent_replies AS kept USING (
        SELECT key, sum(pg_column_size(reply)) OVER (ORDER BY created_at DESC) AS total
        FROM idempotent_replies WHERE user_id = :user_id
    ) AS newest
    WHERE kept.user_id = :user_id AND kept.key = newest.key AND newest.total > :most
    """
)


async def claim(
    session: AsyncSession, *, user_id: int, key: str, request_hash: bytes
) -> bool:
    """Take a key; false if it is taken. Waits for a transaction that takes it now."""
    old = IdempotentReply.created_at < func.now() - KEPT_FOR
    await session.execute(delete(IdempotentReply).where(old))
    await session.execute(FORGET, {"user_id": user_id, "most": MOST_BYTES})
    values = {"user_id": user_id, "key": key, "request_hash": request_hash}
    statement = insert(IdempotentReply).values(values).on_conflict_do_nothing()
    return (
        await session.execute(statement.returning(IdempotentReply.key))
    ).first() is not None


async def read(session: AsyncSession, *, user_id: int, key: str) -> IdempotentReply:
    """Read the request and the reply of a taken key."""
    query = select(IdempotentReply).where(
        IdempotentReply.user_id == user_id, IdempotentReply.key == key
    )
    return (await session.scalars(query)).one()


async def keep(
    session: AsyncSession, *, user_id: int, key: str, reply: dict[str, Any]
) -> None:
    """Keep the reply of the request that took the key."""
    await session.execute(
        update(IdempotentReply)
        .where(IdempotentReply.user_id == user_id, IdempotentReply.key == key)
        .values(reply=reply)
    )
