"""SQL of ratings."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.database import AnyRow
from api.tables import Movie, Rating, User


async def user_exists(session: AsyncSession, user_id: int) -> bool:
    """Whether there is such a user."""
    query = select(User.id).where(User.id == user_id)
    return (await session.execute(query)).first() is not None


async def upsert(
    session: AsyncSession, *, user_id: int, movie_id: int, value: float
) -> Rating:
    """Store a rating, replacing an earlier one; the last commit wins."""
    statement = insert(Rating).values(user_id=user_id, movie_id=movie_id, value=value)
    statement = statement.on_conflict_do_update(
        index_elements=[Rating.user_id, Rating.movie_id],
        set_={"value": statement.excluded.value, "rated_at": func.now()},
    )
    return (await session.scalars(statement.returning(Rating))).one()


async def remove(session: AsyncSession, *, user_id: int, movie_id: int) -> bool:
    """Delete a rating; false if there was none."""
    statement = delete(Rating).where(
        Rating.user_id == user_id, Rating.movie_id == movie_id
    )
    return (
        await session.execute(statement.returning(Rating.movie_id))
    ).first() is not None


async def of_user(session: AsyncSession, user_id: int) -> Sequence[AnyRow]:
    """Read (movie id, value) of all of a user's ratings: what fold-in needs."""
    query = (
        select(Rating.movie_id, Rating.value)
        .where(Rating.user_id == user_id)
        .order_by(Rating.movie_id)
    )
    return (await session.execute(query)).all()


async def page(
    session: AsyncSession,
    user_id: int,
    *,
    limit: int,
    after: tuple[Any, ...] | None,
) -> Sequence[AnyRow]:
    """Page through a user's ratings, newest first; `after` is (rated_at, movie id)."""
    query = select(Rating.movie_id, Rating.value, Rating.rated_at)
    query = query.where(Rating.user_id == user_id)
    if after is not None:
        rated_at, movie_id = after
        older = tuple_(Rating.rated_at, -Rating.movie_id) < (rated_at, -movie_id)
        query = query.where(older)
    query = query.order_by(Rating.rated_at.desc(), Rating.movie_id).limit(limit)
    return (await session.execute(query)).all()


async def with_movies(session: AsyncSession, user_id: int) -> Sequence[AnyRow]:
    """Read all of a user's ratings with their movies, newest first: for export."""
    query = (
        select(
            Rating.movie_id,
            Rating.value,
            Rating.rated_at,
            Movie.title,
            Movie.year,
            Movie.imdb_id,
            Movie.tmdb_id,
        )
        .join(Movie, Movie.id == Rating.movie_id)
        .where(Rating.user_id == user_id)
        .order_by(Rating.rated_at.desc(), Rating.movie_id)
    )
    return (await session.execute(query)).all()
