"""Check that the service can work."""

import shutil

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import server as queries
from api.schemas.health import Ready
from api.services.doctor import nearest_folder
from api.services.model_store import ServedModel
from api.settings import Settings

LEAST_FREE_BYTES = 64 * 2**20
"""Below, PostgreSQL and the worker are about to fail at every write."""


async def check(
    session: AsyncSession, served: ServedModel | None, settings: Settings
) -> Ready:
    """Reach the database; without a model or room to write it is degraded, not down."""
    reasons = []
    if await queries.is_read_only(session):
        reasons.append("the database accepts no writes")
    folder = nearest_folder(settings.data_dir)
    usage = await to_thread.run_sync(shutil.disk_usage, folder)
    if usage.free < LEAST_FREE_BYTES:
        reasons.append(f"{usage.free / 2**20:.0f} MiB are free for DATA_DIR")
    if served is None:
        reasons.append("no model is live; lists show popular movies")
    return Ready(
        status="ready",
        degraded=bool(reasons),
        reasons=reasons,
        model=served.reference if served else None,
    )
