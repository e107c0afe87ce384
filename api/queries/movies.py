"""SQL of movies: search, pages, details."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    SQLColumnExpression,
    bindparam,
    cast,
    column,
    func,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from api.storage.database import AnyRow, AnySelect
from api.tables import Movie, MovieStatistics, Rating

# The least share of a query's trigrams that a title must have: `toy stroy` shares two
# thirds with `Toy Story`.
MIN_TRIGRAM_SHARE = 0.45

n_ratings = func.coalesce(MovieStatistics.n_ratings, 0)
mean_rating = MovieStatistics.half_stars_sum / (
    2.0 * func.nullif(MovieStatistics.n_ratings, 0)
)
# Integers keep the difference exact: s² = Σr²/n - (Σr/n)², in stars.
variance = cast(
    MovieStatistics.n_ratings * MovieStatistics.half_stars_sum_squares
    - MovieStatistics.half_stars_sum * MovieStatistics.half_stars_sum,
    Double,
) / (
    4
    * cast(func.nullif(MovieStatistics.n_ratings, 0), Double)
    * MovieStatistics.n_ratings
)
# Fewer ratings say little about the variance.
LEAST_FOR_VARIANCE = 10


@dataclass(frozen=True)
class Filters:
    """A filter of movies; `None` means any."""

    genre: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    max_ratings: int | None = None  # for movies that few people know
    movie_ids: tuple[int, ...] = ()  # only these; if empty, all

    @property
    def are_set(self) -> bool:
        """Whether any filter is set."""
        return self != Filters()


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.genre is not None:
        conditions.append(Movie.genres.contains([filters.genre]))
    if filters.year_from is not None:
        conditions.append(Movie.year >= filters.year_from)
    if filters.year_to is not None:
        conditions.append(Movie.year <= filters.year_to)
    if filters.max_ratings is not None:
        conditions.append(n_ratings <= filters.max_ratings)
    if filters.movie_ids:
        conditions.append(Movie.id == func.any(list(filters.movie_ids)))
    return conditions


def _summaries() -> AnySelect:
    """Select the columns of `MovieOut`."""
    return select(
        Movie.id,
        Movie.title,
        Movie.year,
        Movie.genres,
        n_ratings.label("n_ratings"),
        mean_rating.label("mean_rating"),
    ).outerjoin(MovieStatistics, MovieStatistics.movie_id == Movie.id)


_SUMMARIES = _summaries().where(
    Movie.id == func.any(bindparam("movie_ids", type_=ARRAY(Integer)))
)


async def page(
    session: AsyncSession,
    filters: Filters,
    *,
    sort: "Sort",
    limit: int,
    after: tuple[Any, ...] | None,
) -> Sequence[AnyRow]:
    """Read one page; each row ends with the columns of its sort key."""
    query = _summaries().add_columns(*sort.key).where(*_conditions(filters))
    if sort.condition is not None:
        query = query.where(sort.condition)
    if after is not None:
        query = query.where(tuple_(*sort.key) > after)
    return (await session.execute(query.order_by(*sort.key).limit(limit))).all()


@dataclass(frozen=True)
class Sort:
    """An order of movies: ascending by `key`, whose parts have these Python types."""

    key: tuple[SQLColumnExpression[Any], ...]
    types: tuple[type, ...]
    condition: ColumnElement[bool] | None = None


BY_POPULARITY = Sort(key=(-n_ratings, Movie.id), types=(int, int))
BY_TITLE = Sort(key=(func.lower(Movie.title), Movie.id), types=(str, int))
# Newest first, unknown years last.
BY_YEAR = Sort(key=(-func.coalesce(Movie.year, 0), Movie.id), types=(int, int))
BY_VARIANCE = Sort(
    key=(-variance, Movie.id),
    types=(float, int),
    condition=MovieStatistics.n_ratings >= LEAST_FOR_VARIANCE,
)


def by_similarity(query: str) -> Sort:
    """Order by similarity of the title to `query`, whose last word may be unfinished.

    Twice as many ratings weigh as much as some 7 % of the query's trigrams: if titles
    match a misspelled word about equally, people probably mean the famous one.
    """
    wanted = type_coerce(func.trigrams(query, ""), ARRAY(Text))
    n_common = (
        select(func.count())
        .select_from(func.unnest(Movie.title_trigrams).alias("trigram"))
        .where(column("trigram") == func.any(wanted))
        .scalar_subquery()
    )
    share = n_common / cast(func.cardinality(wanted), Double)
    points = cast(1000 * (10 * share + func.ln(1 + n_ratings)), Integer)
    return Sort(
        key=(-points, Movie.id),
        types=(int, int),
        condition=Movie.title_trigrams.overlap(wanted) & (share >= MIN_TRIGRAM_SHARE),
    )


async def summaries(
    session: AsyncSession, movie_ids: Sequence[int]
) -> dict[int, AnyRow]:
    """Read movies by id; ids without a movie are left out."""
    rows = await session.execute(_SUMMARIES, {"movie_ids": list(movie_ids)})
    return {row.id: row for row in rows}


async def exists(session: AsyncSession, movie_id: int) -> bool:
    """Whether the movie exists."""
    return await session.get(Movie, movie_id) is not None


async def detail(session: AsyncSession, movie_id: int) -> AnyRow | None:
    """Read one movie with its identifiers elsewhere."""
    query = _summaries().add_columns(Movie.imdb_id, Movie.tmdb_id)
    query = query.where(Movie.id == movie_id)
    return (await session.execute(query)).one_or_none()


async def calmer_share(session: AsyncSession, movie_id: int) -> float | None:
    """Find the share of movies with enough ratings whose variance is smaller.

    `None` for a movie with too few ratings.
    """
    enough = MovieStatistics.n_ratings >= LEAST_FOR_VARIANCE
    own = select(variance).where(MovieStatistics.movie_id == movie_id, enough)
    is_calmer = cast(variance < own.scalar_subquery(), Integer)
    query = select(func.avg(cast(is_calmer, Double))).where(enough)
    share: float | None = (await session.execute(query)).scalar_one()
    return share


async def histograms(
    session: AsyncSession, movie_ids: Sequence[int]
) -> dict[int, dict[float, int]]:
    """Count the ratings of movies by value; movies without ratings are left out."""
    query = (
        select(Rating.movie_id, Rating.value, func.count().label("n"))
        .where(Rating.movie_id == func.any(list(movie_ids)))
        .group_by(Rating.movie_id, Rating.value)
    )
    counts: dict[int, dict[float, int]] = {}
    for row in await session.execute(query):
        counts.setdefault(row.movie_id, {})[row.value] = row.n
    return counts


async def genres(session: AsyncSession) -> Sequence[AnyRow]:
    """Count movies by genre."""
    genre = func.unnest(Movie.genres).label("name")
    each = select(genre).subquery()
    query = (
        select(each.c.name, func.count().label("n_movies"))
        .group_by(each.c.name)
        .order_by(each.c.name)
    )
    return (await session.execute(query)).all()


async def years_and_genres(
    session: AsyncSession,
) -> dict[int, tuple[int | None, list[str]]]:
    """Read year and genres of every movie by its id."""
    query = select(Movie.id, Movie.year, Movie.genres)
    return {row.id: (row.year, row.genres) for row in await session.execute(query)}


async def ids(session: AsyncSession, filters: Filters) -> Sequence[int]:
    """List the ids of the movies that pass the filters."""
    query = (
        select(Movie.id)
        .outerjoin(MovieStatistics, MovieStatistics.movie_id == Movie.id)
        .where(*_conditions(filters))
    )
    return (await session.scalars(query)).all()


async def most_rated(
    session: AsyncSession, filters: Filters, *, excluded: Sequence[int], limit: int
) -> Sequence[int]:
    """List the ids of the most rated movies."""
    query = (
        select(Movie.id)
        .outerjoin(MovieStatistics, MovieStatistics.movie_id == Movie.id)
        .where(*_conditions(filters), Movie.id != func.all(list(excluded)))
        .order_by(*BY_POPULARITY.key)
        .limit(limit)
    )
    return (await session.scalars(query)).all()
