"""How many stars a user would give, movie by movie."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.schemas.recommendations import (
    InlinePredictions,
    PredictionPage,
    PredictionQuery,
)
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


@router.get("/{user_id}")
async def get_predictions(
    user_id: Subject,
    session: SessionDep,
    built: ServicesDep,
    vote_weight: VoteWeight,
    options: Annotated[PredictionQuery, Query()],
) -> PredictionPage:
    """Predict a user's stars, for the given movies or all; most stars come first."""
    filters = movies.filters(options)
    return await predictions.page(
        session,
        built.model_store,
        user_id=user_id,
        vote_weight=vote_weight,
        request=PredictionRequest(
            filters, options.movie_id, options.limit, options.cursor
        ),
    )


@router.post("", dependencies=[Public])
async def post_predictions(
    body: InlinePredictions, session: SessionDep, model: ModelDep
) -> PredictionPage:
    """Predict stars by the ratings in the request; they are not stored."""
    request = PredictionRequest(
        movies.filters(body), body.movie_ids, body.limit, body.cursor, "body"
    )
    return await predictions.page_for_ratings(
        session, model, ratings=body.ratings, request=request
    )
