"""Statistics of all ratings."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.schemas.base import Limit, PlainInteger
from api.schemas.insights import (
    GenreInsights,
    PolarizingMovies,
    PopularityInsights,
    RatingInsights,
)
from api.services import insights
from api.web.dependencies import Public, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(
    prefix="/insights",
    tags=["insights"],
    route_class=StrictRoute,
    dependencies=[Public],
)

MinRatings = Annotated[
    int, Query(ge=insights.FEWEST_RATINGS, le=1_000_000), PlainInteger
]


@router.get("/ratings")
async def get_ratings(session: SessionDep) -> RatingInsights:
    """Count ratings by stars, month and user; the counts may be minutes old."""
    return await insights.ratings(session)


@router.get("/popularity")
async def get_popularity(session: SessionDep) -> PopularityInsights:
    """Count movies by number of ratings, and list the ten most rated."""
    return await insights.popularity(session)


@router.get("/genres")
async def get_genres(session: SessionDep) -> GenreInsights:
    """Show movies, ratings and mean rating of each genre."""
    return await insights.genres(session)


@router.get("/polarizing")
async def get_polarizing(
    session: SessionDep,
    by: Literal["variance", "excess"] = "variance",
    min_ratings: MinRatings = 10,
    limit: Limit = 20,
) -> PolarizingMovies:
    """List movies by variance, or by its excess over the usual one at their mean."""
    return await insights.polarizing(
        session, by=by, min_ratings=min_ratings, limit=limit
    )
