"""SQL of many rows at once."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from api.tables import Movie


async def ratings(
    session: AsyncSession, keys: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[float, datetime]]:
    """Read (value, time) of the ratings with these (user id, movie id)."""
    query = text("""
        SELECT user_id, movie_id, value, rated_at
        FROM unnest(CAST(:user_ids AS integer[]), CAST(:movie_ids AS integer[]))
            AS wanted (user_id, movie_id)
        JOIN ratings USING (user_id, movie_id)
    """)
    parameters = {
        "user_ids": [user_id for user_id, _ in keys],
        "movie_ids": [movie_id for _, movie_id in keys],
    }
    rows = await session.execute(query, parameters)
    return {(row.user_id, row.movie_id): (row.value, row.rated_at) for row in rows}


async def movies(
    session: AsyncSession, movie_ids: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Read the columns clients may set of the movies with these ids."""
    query = select(
        Movie.id, Movie.title, Movie.year, Movie.genres, Movie.imdb_id, Movie.tmdb_id
    ).where(Movie.id == func.any(list(movie_ids)))
    rows = (await session.execute(query)).mappings()
    return {row["id"]: dict(row) for row in rows}


async def upsert_movies(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Store movies, each id once; the order of ids prevents deadlocks."""
    statement = text("""
        INSERT INTO movies (id, title, year, genres, imdb_id, tmdb_id)
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (
            id integer, title text, year integer, genres text[],
            imdb_id integer, tmdb_id integer
        )
        ORDER BY id
        ON CONFLICT (id) DO UPDATE SET
            title = excluded.title, year = excluded.year, genres = excluded.genres,
            imdb_id = excluded.imdb_id, tmdb_id = excluded.tmdb_id
    """)
    await session.execute(statement, {"rows": json.dumps(rows)})


async def add_users(session: AsyncSession, user_ids: Sequence[int]) -> None:
    """Insert users without credentials; existing users stay unchanged."""
    statement = text("""
        INSERT INTO users (id) SELECT unnest(CAST(:ids AS integer[])) ORDER BY 1
        ON CONFLICT (id) DO NOTHING
    """)
    await session.execute(statement, {"ids": list(user_ids)})
