"""Experiments, for administrators; users may ask for their own variant."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response, status
from fastapi.responses import StreamingResponse

from api.schemas.base import Cursor, ExperimentId, Limit
from api.schemas.experiments import (
    AssignmentOut,
    ExperimentIn,
    ExperimentOut,
    ExperimentPage,
    ExperimentPatch,
    PowerIn,
    PowerOut,
    Results,
    SimulationIn,
    SimulationOut,
)
from api.services import experiments, planning, results
from api.web.dependencies import AdminUser, ServicesDep, SessionDep, Subject
from api.web.strict_route import StrictRoute

router = APIRouter(prefix="/experiments", tags=["experiments"], route_class=StrictRoute)

IfMatch = Annotated[
    str | None,
    Header(max_length=100, description="the ETag of the version to be changed"),
]
Format = Annotated[Literal["ndjson", "csv"], Query()]


def tagged(response: Response, found: ExperimentOut) -> ExperimentOut:
    """Send the version along as an entity tag."""
    response.headers["ETag"] = experiments.etag(found.version)
    return found


@router.post("", status_code=status.HTTP_201_CREATED)
async def post_experiment(
    body: ExperimentIn, _: AdminUser, response: Response, session: SessionDep
) -> ExperimentOut:
    """Plan an experiment; it stays a draft until it is started."""
    created = await experiments.create(session, body=body)
    response.headers["Location"] = f"/experiments/{created.id}"
    return tagged(response, created)


@router.get("")
async def get_experiments(
    _: AdminUser, session: SessionDep, limit: Limit = 20, cursor: Cursor = None
) -> ExperimentPage:
    """List the experiments, newest first."""
    return await experiments.browse(session, limit=limit, cursor=cursor)


@router.post("/power")
async def post_power(body: PowerIn, _: AdminUser, session: SessionDep) -> PowerOut:
    """Say how many users an experiment would need."""
    return await planning.plan(session, body=body)


@router.post("/simulation")
async def post_simulation(body: SimulationIn, _: AdminUser) -> SimulationOut:
    """Measure how often each estimator errs, with an effect or without any (A/A)."""
    return await planning.simulate(body)


@router.get("/{experiment_id}")
async def get_experiment(
    experiment_id: ExperimentId, _: AdminUser, response: Response, session: SessionDep
) -> ExperimentOut:
    """Read an experiment; its ETag is needed to change it."""
    return tagged(
        response, await experiments.read(session, experiment_id=experiment_id)
    )


@router.patch("/{experiment_id}")
async def patch_experiment(
    experiment_id: ExperimentId,
    body: ExperimentPatch,
    _: AdminUser,
    response: Response,
    session: SessionDep,
    if_match: IfMatch = None,
) -> ExperimentOut:
    """Change a draft, if nobody else has changed it since it was read."""
    changed = await experiments.change(
        session, experiment_id=experiment_id, body=body, if_match=if_match
    )
    return tagged(response, changed)


@router.post("/{experiment_id}/start")
async def post_start(
    experiment_id: ExperimentId,
    _: AdminUser,
    response: Response,
    session: SessionDep,
    built: ServicesDep,
) -> ExperimentOut:
    """Start a draft; from now on it decides what users see."""
    started = await experiments.start(
        session, experiment_id=experiment_id, store=built.model_store
    )
    return tagged(response, started)


@router.post("/{experiment_id}/stop")
async def post_stop(
    experiment_id: ExperimentId, _: AdminUser, response: Response, session: SessionDep
) -> ExperimentOut:
    """Stop a running experiment; nothing counts for it from now on."""
    return tagged(
        response, await experiments.stop(session, experiment_id=experiment_id)
    )


@router.get("/{experiment_id}/assignment/{user_id}")
async def get_assignment(
    experiment_id: ExperimentId, user_id: Subject, session: SessionDep
) -> AssignmentOut:
    """Tell which variant a user sees."""
    return await experiments.assignment(
        session, experiment_id=experiment_id, user_id=user_id
    )


@router.get("/{experiment_id}/results")
async def get_results(
    experiment_id: ExperimentId, _: AdminUser, session: SessionDep
) -> Results:
    """Analyse an experiment: health, tests, intervals and a verdict in plain words."""
    return await results.read(session, experiment_id=experiment_id)


@router.get(
    "/{experiment_id}/exposures",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            }
        }
    },
)
async def get_exposures(
    experiment_id: ExperimentId,
    _: AdminUser,
    session: SessionDep,
    format: Format = "ndjson",  # noqa: A002 - the name of the parameter
) -> StreamingResponse:
    """Export every user exposed with their likes and dislikes, a line each."""
    names = await results.names_of(session, experiment_id=experiment_id)
    write, media_type = {
        "ndjson": (results.ndjson, "application/x-ndjson"),
        "csv": (results.comma_separated, "text/csv"),
    }[format]
    lines = write(session, names, experiment_id=experiment_id)
    return StreamingResponse(lines, media_type=media_type)
