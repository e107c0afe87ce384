"""Movies: search, pages, details, neighbours."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator

from api.queries.movies import Filters
from api.schemas.base import (
    Cursor,
    GenreQuery,
    Limit,
    MovieId,
    MovieIdsQuery,
    YearQuery,
    clean_text,
)
from api.schemas.movies import Genres, Histograms, MovieDetail, MoviePage
from api.schemas.recommendations import SimilarMovies
from api.services import movies
from api.web.dependencies import ModelDep, Public, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(tags=["movies"], route_class=StrictRoute, dependencies=[Public])

SearchQuery = Annotated[
    str | None,
    Query(min_length=1, max_length=100, description="typo-tolerant title search"),
    AfterValidator(clean_text),
]


class JpegResponse(Response):
    """A picture."""

    media_type = "image/jpeg"


POSTER = {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
# As long as a browser may show one without asking again.
POSTER_HEADERS = {"Cache-Control": "public, max-age=86400"}


@router.get("/genres")
async def get_genres(session: SessionDep) -> Genres:
    """List the genres."""
    return await movies.list_genres(session)


async def wanted(
    movie_id: MovieIdsQuery = [],  # noqa: B006 - FastAPI copies defaults
    genre: GenreQuery = None,
    year_from: YearQuery = None,
    year_to: YearQuery = None,
) -> Filters:
    """Read which movies are asked for."""
    return movies.filters(
        genre=genre, year_from=year_from, year_to=year_to, movie_ids=movie_id
    )


@router.get("/movies")
async def get_movies(
    session: SessionDep,
    wanted: Annotated[Filters, Depends(wanted)],
    query: SearchQuery = None,
    sort: movies.SortName = "popular",
    limit: Limit = 24,
    cursor: Cursor = None,
) -> MoviePage:
    """Browse movies; with `query`, the best matches come first whatever `sort` says.

    Polarizing movies are those whose ratings vary most, of at least ten.
    """
    return await movies.browse(
        session, wanted, query=query, sort=sort, limit=limit, cursor=cursor
    )


@router.get("/movies/histograms")
async def get_histograms(
    session: SessionDep,
    movie_id: MovieIdsQuery = [],  # noqa: B006 - FastAPI copies defaults
) -> Histograms:
    """Count movies' ratings by value; a movie that nobody rated is left out."""
    return await movies.histograms(session, movie_ids=movie_id)


@router.get("/movies/{movie_id}")
async def get_movie(movie_id: MovieId, session: SessionDep) -> MovieDetail:
    """Show one movie."""
    return await movies.detail(session, movie_id=movie_id)


@router.get(
    "/movies/{movie_id}/poster", response_class=JpegResponse, responses={200: POSTER}
)
async def get_poster(movie_id: MovieId, session: SessionDep) -> Response:
    """Show the poster of a movie, if `cinefold enrich` has brought one."""
    picture = await movies.poster(session, movie_id=movie_id)
    return JpegResponse(picture, headers=POSTER_HEADERS)


@router.get("/movies/{movie_id}/similar")
async def get_similar(
    movie_id: MovieId, session: SessionDep, model: ModelDep, limit: Limit = 12
) -> SimilarMovies:
    """List the movies most like this one to the model."""
    return await movies.similar(session, model, movie_id=movie_id, limit=limit)
