"""The registry of models."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Header, Query, Response, status

from api.schemas.base import Cursor, Limit, ModelId, PlainInteger
from api.schemas.diagnostics import Checks
from api.schemas.insights import GenreMap, MovieMap, UserPosition
from api.schemas.models import ActiveModel, ModelCard, ModelComparison, ModelPage
from api.services import maps, models
from api.web.dependencies import (
    AdminUser,
    CurrentUser,
    ModelsDir,
    SessionDep,
    Subject,
    VoteWeight,
)
from api.web.strict_route import StrictRoute, ZipRoute

router = APIRouter(prefix="/models", tags=["models"], route_class=StrictRoute)

Dims = Annotated[int, Query(ge=2, le=3), PlainInteger]
IfNoneMatch = Annotated[str, Header(max_length=1000)]
ArchiveBody = Annotated[
    bytes,
    Body(
        media_type="application/zip",
        description="`manifest.json` and the arrays it names, as `cinefold "
        "import-model` reads them from a folder",
    ),
]
UNCHANGED: dict[int | str, dict[str, str]] = {304: {"description": "As you have it"}}


@router.get("")
async def get_models(
    _: AdminUser, session: SessionDep, limit: Limit = 20, cursor: Cursor = None
) -> ModelPage:
    """List the models, newest first."""
    return await models.list_models(session, limit=limit, cursor=cursor)


async def post_import(
    body: ArchiveBody, actor: AdminUser, session: SessionDep, models_dir: ModelsDir
) -> ModelCard:
    """Import item factors trained elsewhere, as a model that is not live yet."""
    return await models.import_archive(
        session, models_dir, actor_id=actor.user_id, archive=body
    )


router.add_api_route(
    "/import",
    post_import,
    methods=["POST"],
    status_code=status.HTTP_201_CREATED,
    route_class_override=ZipRoute,
)


@router.get("/active")
async def get_active(_: CurrentUser, session: SessionDep) -> ActiveModel:
    """Show the live model, and count the ratings changed since its data were read."""
    return await models.active(session)


@router.post("/rollback")
async def post_rollback(
    _: AdminUser, session: SessionDep, models_dir: ModelsDir
) -> ModelCard:
    """Make the model live again that was live before the current one."""
    return await models.roll_back(session, models_dir)


@router.get("/{model_id}")
async def get_model(model_id: ModelId, _: AdminUser, session: SessionDep) -> ModelCard:
    """Show the card of a model."""
    return await models.card(session, model_id=model_id)


@router.get("/{model_id}/comparison/{other_id}")
async def get_comparison(
    model_id: ModelId, other_id: ModelId, _: AdminUser, session: SessionDep
) -> ModelComparison:
    """Compare two models."""
    return await models.compare(session, first_id=model_id, second_id=other_id)


@router.get("/{model_id}/checks")
async def get_checks(
    model_id: ModelId, _: AdminUser, session: SessionDep, models_dir: ModelsDir
) -> Checks:
    """Run the checks that a model must pass before it can go live."""
    return await models.checklist(session, models_dir, model_id=model_id)


@router.post("/{model_id}/activate")
async def activate_model(
    model_id: ModelId, _: AdminUser, session: SessionDep, models_dir: ModelsDir
) -> ModelCard:
    """Make a model live instead of the current one."""
    return await models.activate(session, models_dir, model_id=model_id)


@router.delete(
    "/{model_id}", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
async def delete_model(
    model_id: ModelId, _: AdminUser, session: SessionDep, models_dir: ModelsDir
) -> None:
    """Delete a model that is neither live nor pinned."""
    await models.delete(session, models_dir, model_id=model_id)


@router.get("/{model_id}/map", response_model=MovieMap | GenreMap, responses=UNCHANGED)
async def get_map(
    model_id: ModelId,
    _: CurrentUser,
    session: SessionDep,
    models_dir: ModelsDir,
    of: Literal["movies", "genres"] = "movies",
    dims: Dims = 2,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Map movies or genres along the principal axes of a model."""
    headers = {
        "ETag": maps.tag(model_id, of=of, dims=dims),
        "Cache-Control": "private, no-cache",
    }
    if headers["ETag"] in if_none_match:
        await maps.require(session, model_id=model_id)
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    place = maps.of_movies if of == "movies" else maps.of_genres
    content = await place(session, models_dir, model_id=model_id, dims=dims)
    return Response(content, media_type="application/json", headers=headers)


@router.get("/{model_id}/map/users/{user_id}")
async def get_position(
    model_id: ModelId,
    user_id: Subject,
    session: SessionDep,
    models_dir: ModelsDir,
    vote_weight: VoteWeight,
    dims: Dims = 2,
) -> UserPosition:
    """Place a user's taste on a model's map of movies."""
    return await maps.of_user(
        session,
        models_dir,
        model_id=model_id,
        user_id=user_id,
        vote_weight=vote_weight,
        dims=dims,
    )
