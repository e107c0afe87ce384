"""Training runs, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Header, Response, status
from fastapi.responses import StreamingResponse

from api.schemas.base import Cursor, Limit, RunId
from api.schemas.training import (
    TrainingRunDetail,
    TrainingRunIn,
    TrainingRunOut,
    TrainingRunPage,
)
from api.services import training
from api.web.dependencies import AdminUser, ServicesDep, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(prefix="/training-runs", tags=["training"], route_class=StrictRoute)

LastEventId = Annotated[
    str,
    Header(
        alias="Last-Event-ID",
        pattern="^[0-9]{1,18}$",
        description="id of the last sweep received",
    ),
]
EVENTS = {
    "description": "Events `sweep` (numbered), `run` whenever it changed, and `end`",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def post_run(
    _: AdminUser,
    response: Response,
    session: SessionDep,
    body: TrainingRunIn | None = None,
) -> TrainingRunOut:
    """Queue a training run for the worker; without a body, with all defaults."""
    run = await training.request_run(session, body)
    response.headers["Location"] = f"/training-runs/{run.id}"
    return run


@router.get("")
async def get_runs(
    _: AdminUser, session: SessionDep, limit: Limit = 20, cursor: Cursor = None
) -> TrainingRunPage:
    """List the training runs, newest first."""
    return await training.list_runs(session, limit=limit, cursor=cursor)


@router.get("/{run_id}")
async def get_run(
    run_id: RunId, _: AdminUser, session: SessionDep
) -> TrainingRunDetail:
    """Show a run and its sweeps."""
    return await training.read_run(session, run_id=run_id)


@router.post("/{run_id}/cancel")
async def cancel_run(
    run_id: RunId, _: AdminUser, session: SessionDep
) -> TrainingRunOut:
    """Cancel a queued or running run; it produces no model."""
    return await training.cancel(session, run_id=run_id)


@router.get(
    "/{run_id}/events", response_class=StreamingResponse, responses={200: EVENTS}
)
async def get_events(
    run_id: RunId,
    reader: AdminUser,
    session: SessionDep,
    built: ServicesDep,
    last_event_id: LastEventId = "0",
) -> StreamingResponse:
    """Follow a run live by server-sent events until it ends."""
    events = await training.follow(
        session,
        run_id=run_id,
        after=int(last_event_id),
        reader=reader,
        stopping=built.stopping,
    )
    return StreamingResponse(events, media_type="text/event-stream")
