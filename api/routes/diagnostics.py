"""Dummy users, and the movies that models must recommend to them."""

from fastapi import APIRouter, Response, status

from api.schemas.base import ExpectationId
from api.schemas.diagnostics import (
    Diagnosis,
    DummyUser,
    ExpectationIn,
    ExpectationOut,
    Expectations,
)
from api.services import diagnostics
from api.web.dependencies import AdminUser, ModelDep, ModelsDir, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(prefix="/diagnostics", tags=["diagnostics"], route_class=StrictRoute)


@router.post("/dummy-user")
async def post_dummy_user(
    body: DummyUser,
    _: AdminUser,
    session: SessionDep,
    model: ModelDep,
    models_dir: ModelsDir,
) -> Diagnosis:
    """Show what a model recommends for some ratings; nothing is stored."""
    return await diagnostics.dummy_user(session, model, models_dir, body=body)


@router.get("/expectations")
async def get_expectations(_: AdminUser, session: SessionDep) -> Expectations:
    """List the expectations that a model must meet before it can go live."""
    return await diagnostics.list_expectations(session)


@router.post("/expectations", status_code=status.HTTP_201_CREATED)
async def post_expectation(
    body: ExpectationIn, _: AdminUser, session: SessionDep
) -> ExpectationOut:
    """Store a dummy user and the movies that models must recommend to them."""
    return await diagnostics.add_expectation(session, body=body)


@router.delete(
    "/expectations/{expectation_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
async def delete_expectation(
    expectation_id: ExpectationId, _: AdminUser, session: SessionDep
) -> None:
    """Delete an expectation."""
    await diagnostics.remove_expectation(session, expectation_id=expectation_id)
