"""Recommendations, and why."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.queries.movies import Filters
from api.schemas.base import (
    MAX_EXCLUDED,
    MAX_ID,
    GenreQuery,
    Limit,
    MovieId,
    PlainInteger,
    YearQuery,
)
from api.schemas.recommendations import (
    Explanation,
    InlineRatings,
    InlineTaste,
    Recommendations,
)
from api.services import movies, predictions, readers, recommendations
from api.services.profiles import inline_history
from api.services.recommendations import ListRequest
from api.web.dependencies import (
    ModelDep,
    OneByOne,
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

Excluded = Annotated[
    list[Annotated[int, Query(ge=1, le=MAX_ID), PlainInteger]],
    Query(max_length=MAX_EXCLUDED, description="movie ids to leave out, repeatable"),
]
MaxRatings = Annotated[
    int | None,
    Query(ge=0, le=MAX_ID, description="only movies with at most so many ratings"),
    PlainInteger,
]
SimilarTo = Annotated[
    int | None,
    Query(ge=1, le=MAX_ID, description="only the movies most like this one"),
    PlainInteger,
]
Diversity = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="0: best first; 1: all unlike. A list made to order, by this or by"
        " exploration, is no part of a running experiment",
    ),
]
Exploration = Annotated[
    float | None,
    Query(ge=0, le=1, allow_inf_nan=False, description="0: best first; 1: least known"),
]


async def filtered(
    genre: GenreQuery = None,
    year_from: YearQuery = None,
    year_to: YearQuery = None,
    max_ratings: MaxRatings = None,
) -> Filters:
    """Read which movies a list may hold."""
    return movies.filters(
        genre=genre, year_from=year_from, year_to=year_to, max_ratings=max_ratings
    )


async def wanted(
    filters: Annotated[Filters, Depends(filtered)],
    limit: Limit = 20,
    exclude: Excluded = [],  # noqa: B006 - FastAPI copies defaults
    similar_to: SimilarTo = None,
    diversity: Diversity = None,
    exploration: Exploration = None,
) -> ListRequest:
    """Read what list is asked for."""
    return ListRequest(
        filters=filters,
        excluded=tuple(exclude),
        limit=limit,
        similar_to=similar_to,
        diversity=diversity or 0,
        exploration=exploration or 0,
        is_own_choice=not (diversity is None and exploration is None),
    )


@router.get("/{user_id}", dependencies=[OneByOne], response_model=Recommendations)
async def get_recommendations(
    user_id: Subject,
    session: SessionDep,
    built: ServicesDep,
    vote_weight: VoteWeight,
    wanted: Annotated[ListRequest, Depends(wanted)],
) -> Response:
    """Recommend movies a user has not rated, by all ratings and votes until now."""
    secret = await built.signer.secret(session)
    document = await readers.for_user(
        session,
        built.model_store,
        user_id=user_id,
        vote_weight=vote_weight,
        wanted=wanted,
        secret=secret,
    )
    return Response(document, media_type="application/json")


@router.post("", dependencies=[Public])
async def post_recommendations(
    body: InlineRatings, session: SessionDep, model: ModelDep
) -> Recommendations:
    """Recommend by the ratings in the request; they are not stored."""
    filters = movies.filters(
        genre=body.genre,
        year_from=body.year_from,
        year_to=body.year_to,
        max_ratings=body.max_ratings,
        where="body",
    )
    wanted = ListRequest(
        filters=filters,
        excluded=tuple(body.exclude),
        limit=body.limit,
        similar_to=body.similar_to,
        diversity=body.diversity,
        exploration=body.exploration,
    )
    return await recommendations.for_ratings(
        session, model, ratings=body.ratings, wanted=wanted
    )


@router.post("/{movie_id}/explanation", dependencies=[Public])
async def post_explanation(
    movie_id: MovieId, body: InlineTaste, session: SessionDep, model: ModelDep
) -> Explanation:
    """Explain the prediction of one movie by the ratings in the request."""
    history = inline_history(body.ratings)
    return await predictions.explain_to(
        session, model, history=history, movie_id=movie_id
    )


@router.get("/{user_id}/{movie_id}/explanation")
async def get_explanation(
    user_id: Subject,
    movie_id: MovieId,
    session: SessionDep,
    built: ServicesDep,
    vote_weight: VoteWeight,
) -> Explanation:
    """Explain the prediction of one movie for one user."""
    return await predictions.explain(
        session,
        built.model_store,
        user_id=user_id,
        vote_weight=vote_weight,
        movie_id=movie_id,
    )
