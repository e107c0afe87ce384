"""Whether the process lives and the service can work."""

from fastapi import APIRouter

from api.schemas.health import Live, Ready
from api.services import health
from api.web.dependencies import ModelDep, Public, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(
    prefix="/health", tags=["health"], route_class=StrictRoute, dependencies=[Public]
)


@router.get("/live")
async def get_live() -> Live:
    """Answer while the process runs, whatever the database does."""
    return Live(status="live")


@router.get("/ready")
async def get_ready(session: SessionDep, model: ModelDep) -> Ready:
    """Answer 200 when requests can be served, 503 while they cannot."""
    return await health.check(session, model)
