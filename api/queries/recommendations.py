"""SQL of readers: what a list depends on."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow

# Opinions are held of movies that are not rated; votes are those outside of
# experiments. The number of changes never falls, so of two equal texts nothing was
# different in between.
READER = text("""
    SELECT
        coalesce(rated.movie_ids, '{}') AS movie_ids,
        coalesce(rated.values, '{}') AS values,
        ARRAY(
            SELECT movie_id FROM hidden_movies WHERE user_id = users.id
            ORDER BY movie_id
        ) AS hidden,
        coalesce(held.movie_ids, '{}') AS held,
        coalesce(held.are_likes, '{}') AS are_held_likes,
        coalesce(voted.movie_ids, '{}') AS voted,
        coalesce(voted.are_likes, '{}') AS are_likes,
        EXISTS (SELECT FROM experiments WHERE state = 'running') AS has_experiment,
        ARRAY(
            SELECT CAST((id, title, year, genres, n_changes) AS text)
            FROM movies LEFT JOIN movie_statistics ON movie_id = id
            WHERE id = ANY(CAST(:shown AS integer[])) ORDER BY id
        ) AS shown
    FROM users,
    LATERAL (
        SELECT array_agg(movie_id) AS movie_ids, array_agg(value) AS values
        FROM (
            SELECT movie_id, value FROM ratings
            WHERE user_id = users.id ORDER BY movie_id
        ) AS sorted
    ) AS rated,
    LATERAL (
        SELECT array_agg(movie_id) AS movie_ids, array_agg(is_like) AS are_likes
        FROM (
            SELECT movie_id, is_like FROM opinions
            WHERE user_id = users.id AND NOT EXISTS (
                SELECT FROM ratings
                WHERE user_id = users.id AND movie_id = opinions.movie_id
            )
            ORDER BY movie_id
        ) AS sorted
    ) AS held,
    LATERAL (
        SELECT array_agg(movie_id) AS movie_ids, array_agg(is_like) AS are_likes
        FROM feedback WHERE user_id = users.id AND variant_id IS NULL
    ) AS voted
    WHERE users.id = :user_id
""")


async def reader(
    session: AsyncSession, user_id: int, *, shown: str = "{}"
) -> AnyRow | None:
    """Read all that a user's list depends on, as of one moment; `None`: no such user.

    Movies rated, by id, and their stars; movies that opinions are held of instead and
    which of them are liked; movies hidden; movies voted on outside of experiments and
    which of them are liked; whether an experiment runs; and what a list says of the
    movies `shown`, an array literal, as text to compare by.
    """
    values = {"user_id": user_id, "shown": shown}
    return (await session.execute(READER, values)).one_or_none()
