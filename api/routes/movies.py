"""Movies: search, pages, details, neighbors."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.schemas.base import Limit, MovieId, MovieIds
from api.schemas.movies import Genres, Histograms, MovieDetail, MoviePage, MovieQuery
from api.schemas.recommendations import SimilarMovies
from api.services import movies
from api.web.dependencies import ModelDep, Public, SessionDep
from api.web.strict_route import StrictRoute

router = APIRouter(tags=["movies"], route_class=StrictRoute, dependencies=[Public])


class JpegResponse(Response):
    """A picture."""

    media_type = "image/jpeg"


POSTER = {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
# Browsers may cache a poster for a day.
POSTER_HEADERS = {"Cache-Control": "public, max-age=86400"}


@router.get("/genres")
async def get_genres(session: SessionDep) -> Genres:
    """List the genres."""
    return await movies.list_genres(session)


@router.get("/movies")
async def get_movies(
    session: SessionDep, options: Annotated[MovieQuery, Query()]
) -> MoviePage:
    """Browse movies; with `query`, the best matches come first and `sort` is ignored.

    `polarizing` sorts movies with at least ten ratings by variance.
    """
    return await movies.browse(session, options=options)


@router.get("/movies/histograms")
async def get_histograms(
    session: SessionDep,
    movie_id: Annotated[MovieIds, Query()] = [],  # noqa: B006 - FastAPI copies defaults
) -> Histograms:
    """Count the ratings of movies by value; movies without ratings are left out."""
    return await movies.histograms(session, movie_ids=movie_id)


@router.get("/movies/{movie_id}")
async def get_movie(movie_id: MovieId, session: SessionDep) -> MovieDetail:
    """Show one movie."""
    return await movies.detail(session, movie_id=movie_id)


@router.get(
    "/movies/{movie_id}/poster", response_class=JpegResponse, responses={200: POSTER}
)
async def get_poster(movie_id: MovieId, session: SessionDep) -> Response:
    """Show the poster of a movie, if `cinefold enrich` has fetched one."""
    picture = await movies.poster(session, movie_id=movie_id)
    return JpegResponse(picture, headers=POSTER_HEADERS)


@router.get("/movies/{movie_id}/similar")
async def get_similar(
    movie_id: MovieId, session: SessionDep, model: ModelDep, limit: Limit = 12
) -> SimilarMovies:
    """List the movies that the model finds most similar to this one."""
    return await movies.similar(session, model, movie_id=movie_id, limit=limit)
