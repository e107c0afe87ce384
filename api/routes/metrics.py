"""Metrics for Prometheus; they need a key, because they describe the business."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from api.services import metrics
from api.web.dependencies import MetricsReader, ModelDep, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(prefix="/metrics", tags=["health"], route_class=StrictRoute)


@router.get("", response_class=PlainTextResponse)
async def get_metrics(
    _: MetricsReader, session: SessionDep, model: ModelDep
) -> PlainTextResponse:
    """Report times of requests and the state of models, runs and experiments."""
    text = await metrics.scrape(session, model)
    return PlainTextResponse(text, media_type=CONTENT_TYPE_LATEST)
