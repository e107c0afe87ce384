"""Check that the service can work."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.schemas.health import Ready
from api.services.model_store import ServedModel


async def check(session: AsyncSession, served: ServedModel | None) -> Ready:
    """Reach the database; without a model the service is degraded, not down."""
    await session.execute(text("SELECT 1"))
    return Ready(
        status="ready",
        degraded=served is None,
        model=served.reference if served else None,
    )
