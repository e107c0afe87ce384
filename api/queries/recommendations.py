"""SQL of everything that a list depends on."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow

# Opinions count for movies that are not rated. The number of changes of a movie never
# falls, so where two texts are equal, the movie was the same all the time in between.
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
        coalesce(voted.voted_in, '{}') AS voted_in,
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
        SELECT array_agg(movie_id) AS movie_ids, array_agg(is_like) AS are_likes,
            array_agg(variant_id) AS voted_in
        FROM feedback WHERE user_id = users.id
    ) AS voted
    WHERE users.id = :user_id
""")


async def reader(
    session: AsyncSession, user_id: int, *, shown: str = "{}"
) -> AnyRow | None:
    """Read everything that a user's list depends on, as of one moment.

    The row holds the movies rated, by id, and their stars; the movies with an opinion
    instead, and which of them are liked; the movies hidden; the movies voted on, which
    of them are liked, and the variant of an experiment in which they were voted on;
    whether an experiment runs; and a text for each movie of `shown`, an array literal,
    which differs where a list would describe the movie differently. `None` means no
    such user.
    """
    values = {"user_id": user_id, "shown": shown}
    return (await session.execute(READER, values)).one_or_none()
