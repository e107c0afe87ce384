"""SQL of ratings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    delete,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow
from api.tables import Movie, Rating, User


async def user_exists(session: AsyncSession, user_id: int) -> bool:
    """Whether the user exists."""
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


async def upsert_many(
    session: AsyncSession, rows: Sequence[tuple[int, int, float, datetime | None]]
) -> None:
    """Store (user id, movie id, value, time or now), each pair once.

    Rows are locked in the order of their keys, which prevents deadlocks; those of the
    statistics first, because the triggers count old and new ratings one by one.
    """
    if not rows:
        return
    await session.execute(
        text("""
            SELECT FROM movie_statistics WHERE movie_id = ANY(:movie_ids)
            ORDER BY movie_id FOR UPDATE
        """),
        {"movie_ids": sorted({row[1] for row in rows})},
    )
    await session.execute(
        text("""
            INSERT INTO ratings (user_id, movie_id, value, rated_at)
            SELECT user_id, movie_id, value, coalesce(rated_at, now())
            FROM unnest(
                CAST(:user_ids AS integer[]), CAST(:movie_ids AS integer[]),
                CAST(:values AS real[]), CAST(:times AS timestamptz[])
            ) AS given (user_id, movie_id, value, rated_at)
            ORDER BY user_id, movie_id
            ON CONFLICT (user_id, movie_id) DO UPDATE
            SET value = excluded.value, rated_at = excluded.rated_at
        """),
        dict(
            zip(
                ("user_ids", "movie_ids", "values", "times"),
                map(list, zip(*rows, strict=True)),
                strict=True,
            )
        ),
    )


async def values_of(
    session: AsyncSession, user_id: int, movie_ids: Sequence[int]
) -> dict[int, float]:
    """Read a user's ratings of these movies, by movie."""
    query = select(Rating.movie_id, Rating.value).where(
        Rating.user_id == user_id, Rating.movie_id == func.any(list(movie_ids))
    )
    return {row.movie_id: row.value for row in await session.execute(query)}


async def lock_users(session: AsyncSession, user_ids: Sequence[int]) -> set[int]:
    """Return the existing ones of these users, locked until the commit."""
    query = select(User.id).where(User.id == func.any(list(user_ids)))
    locked = query.order_by(User.id).with_for_update(read=True, key_share=True)
    return set(await session.scalars(locked))


async def lock_movies(session: AsyncSession, movie_ids: Sequence[int]) -> set[int]:
    """Return the existing ones of these movies, locked until the commit."""
    query = select(Movie.id).where(Movie.id == func.any(list(movie_ids)))
    locked = query.order_by(Movie.id).with_for_update(read=True, key_share=True)
    return set(await session.scalars(locked))


async def remove(session: AsyncSession, *, user_id: int, movie_id: int) -> bool:
    """Delete a rating; false if there was none."""
    statement = delete(Rating).where(
        Rating.user_id == user_id, Rating.movie_id == movie_id
    )
    return (
        await session.execute(statement.returning(Rating.movie_id))
    ).first() is not None


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
    """Read all of a user's ratings with their movies, newest first, for the export."""
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
