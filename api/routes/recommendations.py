"""Recommendations and explanations."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.schemas.base import MovieId
from api.schemas.recommendations import (
    Explanation,
    InlineRatings,
    InlineTaste,
    ListOptions,
    Recommendations,
)
from api.services import predictions, recommendations
from api.services.profiles import inline_history, list_request
from api.web.dependencies import (
    Autocommit,
    Costly,
    ModelDep,
    Profile,
    Public,
    ServicesDep,
    SessionDep,
    Subject,
    VoteWeight,
)
from api.web.strict_route import StrictRoute

router = APIRouter(
    prefix="/recommendations", tags=["recommendations"], route_class=StrictRoute
)


@router.get("/{user_id}", dependencies=[Autocommit], response_model=Recommendations)
async def get_recommendations(
    user_id: Subject,
    session: SessionDep,
    built: ServicesDep,
    vote_weight: VoteWeight,
    options: Annotated[ListOptions, Query()],
) -> Response:
    """Recommend movies that a user has not rated, by their ratings and votes."""
    document = await recommendations.for_user(
        session,
        built.model_store,
        user_id=user_id,
        vote_weight=vote_weight,
        request=list_request(options),
        secret=await built.signer.secret(session),
    )
    return Response(document, media_type="application/json")


@router.post("", dependencies=[Public, Costly])
async def post_recommendations(
    body: InlineRatings, session: SessionDep, model: ModelDep
) -> Recommendations:
    """Recommend by the ratings in the request; they are not stored."""
    return await recommendations.recommend(
        session,
        model,
        history=inline_history(body.ratings),
        request=list_request(body),
    )


@router.post("/{movie_id}/explanation", dependencies=[Public, Costly])
async def post_explanation(
    movie_id: MovieId, body: InlineTaste, session: SessionDep, model: ModelDep
) -> Explanation:
    """Explain the prediction of one movie by the ratings in the request."""
    profile = predictions.inline_profile(model, body.ratings)
    return await predictions.explain(session, profile, movie_id=movie_id)


@router.get("/{user_id}/{movie_id}/explanation")  # noqa: FAST003 - `Profile` takes it
async def get_explanation(
    movie_id: MovieId, session: SessionDep, profile: Profile
) -> Explanation:
    """Explain the prediction of one movie for one user."""
    return await predictions.explain(session, profile, movie_id=movie_id)
