"""Training runs, for administrators."""

from fastapi import APIRouter, Response, status

from api.dependencies import AdminUser, SessionDep
from api.schemas import Limit, RunId, TrainingRunDetail, TrainingRunOut, TrainingRuns
from api.services import training
from api.strict_route import StrictRoute

router = APIRouter(prefix="/training-runs", tags=["training"], route_class=StrictRoute)


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def post_run(
    _: AdminUser, response: Response, session: SessionDep
) -> TrainingRunOut:
    """Queue a training run; the worker takes it up."""
    run = await training.request_run(session)
    response.headers["Location"] = f"/training-runs/{run.id}"
    return run


@router.get("")
async def get_runs(
    _: AdminUser, session: SessionDep, limit: Limit = 20
) -> TrainingRuns:
    """List the latest runs."""
    return await training.list_runs(session, limit=limit)


@router.get("/{run_id}")
async def get_run(
    run_id: RunId, _: AdminUser, session: SessionDep
) -> TrainingRunDetail:
    """Show a run and its sweeps."""
    return await training.read_run(session, run_id=run_id)
