"""Health of the process and of the service."""

from fastapi import APIRouter

from api.schemas.health import Live, Ready
from api.services import health
from api.web.dependencies import ModelDep, Public, SessionDep, SettingsDep
from api.web.strict_route import StrictRoute

router = APIRouter(
    prefix="/health", tags=["health"], route_class=StrictRoute, dependencies=[Public]
)


@router.get("/live")
async def get_live() -> Live:
    """Reply while the process runs, with or without a database."""
    return Live(status="live")


@router.get("/ready")
async def get_ready(
    session: SessionDep, model: ModelDep, settings: SettingsDep
) -> Ready:
    """Reply 200 if the service can handle requests, 503 if not."""
    return await health.check(session, model, settings)
