"""Predicted stars of a user for each movie."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.schemas.recommendations import (
    InlinePredictions,
    PredictionPage,
    PredictionQuery,
)
from api.services import movies, predictions
from api.services.predictions import PredictionRequest
from api.web.dependencies import Costly, ModelDep, Profile, Public, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(
    prefix="/predictions", tags=["recommendations"], route_class=StrictRoute
)


@router.get("/{user_id}")  # noqa: FAST003 - `Profile` takes it
async def get_predictions(
    session: SessionDep, profile: Profile, options: Annotated[PredictionQuery, Query()]
) -> PredictionPage:
    """Predict a user's stars for some movies or all, the most stars first."""
    request = PredictionRequest(
        movies.filters(options), options.movie_id, options.limit, options.cursor
    )
    return await predictions.page(session, profile, request)


@router.post("", dependencies=[Public, Costly])
async def post_predictions(
    body: InlinePredictions, session: SessionDep, model: ModelDep
) -> PredictionPage:
    """Predict stars by the ratings in the request; they are not stored."""
    request = PredictionRequest(
        movies.filters(body), body.movie_ids, body.limit, body.cursor, "body"
    )
    profile = predictions.inline_profile(model, body.ratings)
    return await predictions.page(session, profile, request)
