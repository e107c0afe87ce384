"""SQL of descriptions of movies."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries.movies import BY_POPULARITY
from api.storage.database import AnyRow, AnySelect
from api.tables import Description, Movie, MovieStatistics

# TMDB's terms allow nobody to keep its data for longer than six months.
MAX_AGE = timedelta(days=180)


def current() -> ColumnElement[bool]:
    """Whether a description may still be shown."""
    return Description.described_at > func.now() - MAX_AGE


def _due(query: AnySelect) -> AnySelect:
    described = select(Description.movie_id).where(
        Description.movie_id == Movie.id, current()
    )
    return query.where(Movie.tmdb_id.is_not(None), ~described.exists())


async def count_due(session: AsyncSession) -> int:
    """Count the movies without a description, or with one that is too old."""
    query = _due(select(func.count()).select_from(Movie))
    return int((await session.execute(query)).scalar_one())


async def due(
    session: AsyncSession, *, left_out: Sequence[int], limit: int
) -> Sequence[AnyRow]:
    """List (id, tmdb_id) of those movies, the best known ones first."""
    query = (
        _due(select(Movie.id, Movie.tmdb_id))
        .outerjoin(MovieStatistics, MovieStatistics.movie_id == Movie.id)
        .where(Movie.id != func.all(list(left_out)))
        .order_by(*BY_POPULARITY.key)
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def describe(
    session: AsyncSession,
    movie_id: int,
    *,
    synopsis: str | None,
    poster: bytes | None,
    source: str,
) -> None:
    """Store the description of a movie, which may be empty, and its source."""
    values = {"synopsis": synopsis, "poster": poster, "source": source}
    statement = insert(Description).values(movie_id=movie_id, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Description.movie_id],
            set_={**values, "described_at": func.now()},
        )
    )


async def of_movie(session: AsyncSession, movie_id: int) -> AnyRow | None:
    """Read (synopsis, source, has_poster) of a movie, if they may still be shown."""
    query = select(
        Description.synopsis,
        Description.source,
        Description.poster.is_not(None).label("has_poster"),
    ).where(Description.movie_id == movie_id, current())
    return (await session.execute(query)).one_or_none()


async def poster(session: AsyncSession, movie_id: int) -> bytes | None:
    """Read a movie's poster, if there is one that may still be shown."""
    query = select(Description.poster).where(
        Description.movie_id == movie_id, current()
    )
    return (await session.execute(query)).scalar_one_or_none()
