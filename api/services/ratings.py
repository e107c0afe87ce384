"""Ratings of movies; a reply of 200 means that the rating is stored."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import movies as movie_queries
from api.queries import ratings as queries
from api.schemas.movies import MovieOut
from api.schemas.ratings import RatedMovie, RatingPage
from api.tables import Rating
from api.web import cursors
from api.web.problems import NotFound


async def rate(
    session: AsyncSession, *, user_id: int, movie_id: int, value: float
) -> Rating:
    """Store a user's rating of a movie, replacing an earlier one."""
    try:
        rating = await queries.upsert(
            session, user_id=user_id, movie_id=movie_id, value=value
        )
    except IntegrityError as error:  # a foreign key: no such user or movie
        raise NotFound from error
    await session.commit()  # before the reply: a 200 means it is stored
    return rating


async def read(session: AsyncSession, *, user_id: int, movie_id: int) -> Rating:
    """Read one rating."""
    rating = await session.get(Rating, (user_id, movie_id))
    if rating is None:
        raise NotFound
    return rating


async def remove(session: AsyncSession, *, user_id: int, movie_id: int) -> None:
    """Delete a rating; the next list ignores it."""
    if not await queries.remove(session, user_id=user_id, movie_id=movie_id):
        raise NotFound
    await session.commit()


async def browse(
    session: AsyncSession, *, user_id: int, limit: int, cursor: str | None
) -> RatingPage:
    """Read one page of a user's ratings, newest first."""
    after = cursors.decode(cursor, datetime, int) if cursor is not None else None
    rows = await queries.page(session, user_id, limit=limit + 1, after=after)
    if not rows and not await queries.user_exists(session, user_id):
        raise NotFound
    movies = await movie_queries.summaries(session, [row.movie_id for row in rows])
    items = [
        RatedMovie(
            movie=MovieOut.model_validate(movies[row.movie_id]),
            value=row.value,
            rated_at=row.rated_at,
        )
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    next_cursor = cursors.encode(last.rated_at, last.movie_id) if last else None
    return RatingPage(items=items, next_cursor=next_cursor)
