"""Recommendations, and why."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import ModelDep, Public, ServicesDep, SessionDep, Subject
from api.schemas.base import (
    MAX_EXCLUDED,
    MAX_ID,
    GenreQuery,
    Limit,
    MovieId,
    PlainInteger,
    YearQuery,
)
from api.schemas.recommendations import Explanation, InlineRatings, Recommendations
from api.services import movies, recommendations
from api.services.recommendations import Wanted
from api.strict_route import StrictRoute

router = APIRouter(
    prefix="/recommendations", tags=["recommendations"], route_class=StrictRoute
)

Excluded = Annotated[
    list[Annotated[int, PlainInteger, Query(ge=1, le=MAX_ID)]],
    Query(max_length=MAX_EXCLUDED, description="movie ids to leave out, repeatable"),
]


@router.get("/{user_id}")
async def get_recommendations(
    user_id: Subject,
    session: SessionDep,
    built: ServicesDep,
    genre: GenreQuery = None,
    year_from: YearQuery = None,
    year_to: YearQuery = None,
    limit: Limit = 20,
    exclude: Excluded = [],  # noqa: B006 - FastAPI copies defaults
) -> Recommendations:
    """Recommend movies a user has not rated, by all ratings stored until now."""
    filters = movies.filters(genre=genre, year_from=year_from, year_to=year_to)
    wanted = Wanted(filters, exclude, limit)
    secret = await built.signer.secret(session)
    return await recommendations.for_user(
        session,
        built.model_store,
        user_id=user_id,
        wanted=wanted,
        secret=secret,
    )


@router.post("", dependencies=[Public])
async def post_recommendations(
    body: InlineRatings, session: SessionDep, model: ModelDep
) -> Recommendations:
    """Recommend by the ratings in the request; they are not stored."""
    filters = movies.filters(
        genre=body.genre,
        year_from=body.year_from,
        year_to=body.year_to,
        where="body",
    )
    wanted = Wanted(filters, body.exclude, body.limit)
    return await recommendations.for_ratings(
        session, model, ratings=body.ratings, wanted=wanted
    )


@router.get("/{user_id}/{movie_id}/explanation")
async def get_explanation(
    user_id: Subject, movie_id: MovieId, session: SessionDep, built: ServicesDep
) -> Explanation:
    """Explain the prediction of one movie for one user."""
    return await recommendations.explain(
        session, built.model_store, user_id=user_id, movie_id=movie_id
    )
