"""How many stars a user would give, movie by movie."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.schemas.base import Cursor, GenreQuery, Limit, MovieIdsQuery, YearQuery
from api.schemas.recommendations import InlinePredictions, PredictionPage
from api.services import movies, predictions
from api.services.predictions import PredictionRequest
from api.web.dependencies import (
    ModelDep,
    Public,
    ServicesDep,
    SessionDep,
    Subject,
    VoteWeight,
)
from api.web.strict_route import StrictRoute

router = APIRouter(
    prefix="/predictions", tags=["recommendations"], route_class=StrictRoute
)


async def wanted(
    movie_id: MovieIdsQuery = [],  # noqa: B006 - FastAPI copies defaults
    genre: GenreQuery = None,
    year_from: YearQuery = None,
    year_to: YearQuery = None,
    limit: Limit = 24,
    cursor: Cursor = None,
) -> PredictionRequest:
    """Read which predictions are asked for."""
    filters = movies.filters(genre=genre, year_from=year_from, year_to=year_to)
    return PredictionRequest(filters, movie_id, limit, cursor)


@router.get("/{user_id}")
async def get_predictions(
    user_id: Subject,
    session: SessionDep,
    built: ServicesDep,
    vote_weight: VoteWeight,
    wanted: Annotated[PredictionRequest, Depends(wanted)],
) -> PredictionPage:
    """Predict a user's stars, for the given movies or all; most stars come first."""
    return await predictions.page(
        session,
        built.model_store,
        user_id=user_id,
        vote_weight=vote_weight,
        wanted=wanted,
    )


@router.post("", dependencies=[Public])
async def post_predictions(
    body: InlinePredictions, session: SessionDep, model: ModelDep
) -> PredictionPage:
    """Predict stars by the ratings in the request; they are not stored."""
    filters = movies.filters(
        genre=body.genre, year_from=body.year_from, year_to=body.year_to, where="body"
    )
    wanted = PredictionRequest(filters, body.movie_ids, body.limit, body.cursor, "body")
    return await predictions.page_for_ratings(
        session, model, ratings=body.ratings, wanted=wanted
    )
