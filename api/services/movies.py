"""Movies: search, pages, details, neighbors."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import descriptions as description_queries
from api.queries import movies as queries
from api.queries.movies import Filters
from api.schemas.base import HALF_STARS
from api.schemas.movies import (
    GenreOut,
    Genres,
    HistogramBin,
    Histograms,
    MovieDetail,
    MovieFilter,
    MovieHistogram,
    MovieOut,
    MoviePage,
    MovieQuery,
)
from api.schemas.recommendations import SimilarMovie, SimilarMovies
from api.services.model_store import ServedModel
from api.storage.database import AnyRow
from api.web import cursors
from api.web.problems import NotFound
from engine.serving.ranking import similar_items

SORTS = {
    "popular": queries.BY_POPULARITY,
    "title": queries.BY_TITLE,
    "year": queries.BY_YEAR,
    "polarizing": queries.BY_VARIANCE,
}


def filters(
    options: MovieFilter,
    *,
    max_ratings: int | None = None,
    movie_ids: Sequence[int] = (),
) -> Filters:
    """Read which movies a client wants."""
    return Filters(
        genre=options.genre,
        year_from=options.year_from,
        year_to=options.year_to,
        max_ratings=max_ratings,
        movie_ids=tuple(movie_ids),
    )


async def browse(session: AsyncSession, *, options: MovieQuery) -> MoviePage:
    """Read one page of movies; a search query defines the order."""
    query, cursor, limit = options.query, options.cursor, options.limit
    order = SORTS[options.sort] if query is None else queries.by_similarity(query)
    after = cursors.decode(cursor, *order.types) if cursor is not None else None
    wanted = filters(options, movie_ids=options.movie_id)
    rows = await queries.page(session, wanted, sort=order, limit=limit + 1, after=after)
    n_key = len(order.key)
    next_cursor = (
        cursors.encode(*rows[limit - 1][-n_key:]) if len(rows) > limit else None
    )
    return MoviePage(items=summarize(rows[:limit]), next_cursor=next_cursor)


def summarize(rows: Sequence[AnyRow]) -> list[MovieOut]:
    """Convert rows to the movies of a reply."""
    return [MovieOut.model_validate(row) for row in rows]


async def detail(session: AsyncSession, *, movie_id: int) -> MovieDetail:
    """Read one movie with the distribution of its ratings."""
    row = await queries.detail(session, movie_id)
    if row is None:
        raise NotFound
    counts = await queries.histograms(session, [movie_id])
    about = await description_queries.of_movie(session, movie_id)
    has_poster = about is not None and about.has_poster
    return MovieDetail(
        **row._mapping,  # noqa: SLF001 - SQLAlchemy's public name
        histogram=_bins(counts.get(movie_id, {})),
        calmer_share=await queries.calmer_share(session, movie_id),
        synopsis=about.synopsis if about else None,
        poster_url=f"/movies/{movie_id}/poster" if has_poster else None,
        description_source=about.source if about else None,
    )


def _bins(counts: Mapping[float, int]) -> list[HistogramBin]:
    return [HistogramBin(value=v, count=counts.get(v, 0)) for v in HALF_STARS]


async def histograms(session: AsyncSession, *, movie_ids: Sequence[int]) -> Histograms:
    """Read the histograms of movies, in the order of the ids."""
    counts = await queries.histograms(session, movie_ids)
    items = [
        MovieHistogram(movie_id=i, histogram=_bins(counts[i]))
        for i in dict.fromkeys(movie_ids)
        if i in counts
    ]
    return Histograms(items=items)


async def poster(session: AsyncSession, *, movie_id: int) -> bytes:
    """Read a movie's poster."""
    found = await description_queries.poster(session, movie_id)
    if found is None:
        raise NotFound
    return found


async def list_genres(session: AsyncSession) -> Genres:
    """List genres with their number of movies."""
    rows = await queries.genres(session)
    return Genres(items=[GenreOut.model_validate(row) for row in rows])


async def similar(
    session: AsyncSession, model: ServedModel | None, *, movie_id: int, limit: int
) -> SimilarMovies:
    """List the movies with the nearest factors; none if the model lacks this one."""
    if not await queries.exists(session, movie_id):
        raise NotFound
    if model is None:
        return SimilarMovies(model=None, items=[])
    item_index = model.item_index_of(movie_id)
    if item_index is None:
        return SimilarMovies(model=model.reference, items=[])
    indices, cosines = similar_items(model.model.ranking, item_index, limit)
    movie_ids = model.model.item_ids[indices].tolist()
    rows = await queries.summaries(session, movie_ids)
    items = [
        SimilarMovie(movie=MovieOut.model_validate(rows[i]), similarity=cosine)
        for i, cosine in zip(movie_ids, cosines.tolist(), strict=True)
        if i in rows
    ]
    return SimilarMovies(model=model.reference, items=items)
