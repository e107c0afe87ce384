"""SQL that loads a data set in bulk, on one psycopg connection."""

from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import Connection, Cursor

COPY_BYTES = 1024 * 1024

# The names of these constraints are what a refused file is told. Registered users'
# ids start above a billion, so no file can touch them.
STAGE_MOVIES: LiteralString = """
CREATE TEMPORARY TABLE staged_movies (
    id integer CONSTRAINT "a movie is in movies.csv twice" PRIMARY KEY
        CONSTRAINT "movie ids start at 1" CHECK (id >= 1),
    title text CONSTRAINT "a title has 1 to 300 characters"
        CHECK (length(title) BETWEEN 1 AND 300),
    year integer,
    genres text[]
) ON COMMIT DROP
"""
STAGE_LINKS: LiteralString = """
CREATE TEMPORARY TABLE staged_links (
    id integer CONSTRAINT "a movie is in links.csv twice" PRIMARY KEY,
    imdb_id integer,
    tmdb_id integer
) ON COMMIT DROP
"""
STAGE_RATINGS: LiteralString = """
CREATE TEMPORARY TABLE staged_ratings (
    "userId" integer NOT NULL CONSTRAINT "user ids go from 1 to a billion"
        CHECK ("userId" BETWEEN 1 AND 1000000000),
    "movieId" integer NOT NULL,
    rating real NOT NULL CONSTRAINT "a rating is 0.5 to 5 stars, in halves"
        CHECK (rating BETWEEN 0.5 AND 5 AND rating * 2 = floor(rating * 2)),
    timestamp bigint NOT NULL CONSTRAINT "a time is in seconds, before the year 3000"
        CHECK (timestamp < 32503680000)
) ON COMMIT DROP
"""
MERGE_MOVIES: LiteralString = """
INSERT INTO movies (id, title, year, genres)
SELECT id, title, year, genres FROM staged_movies
ON CONFLICT (id) DO UPDATE SET
    title = excluded.title, year = excluded.year, genres = excluded.genres
"""
MERGE_LINKS: LiteralString = """
UPDATE movies SET imdb_id = staged.imdb_id, tmdb_id = staged.tmdb_id
FROM staged_links AS staged WHERE staged.id = movies.id
"""
FIND_REPEATED: LiteralString = """
SELECT "userId", "movieId" FROM staged_ratings
GROUP BY "userId", "movieId" HAVING count(*) > 1 LIMIT 1
"""
FIND_UNKNOWN_MOVIE: LiteralString = """
SELECT "movieId" FROM staged_ratings
EXCEPT SELECT id FROM movies LIMIT 1
"""
MERGE_USERS: LiteralString = """
INSERT INTO users (id) SELECT DISTINCT "userId" FROM staged_ratings
ON CONFLICT (id) DO NOTHING
"""
MERGE_RATINGS: LiteralString = """
INSERT INTO ratings (user_id, movie_id, value, rated_at)
SELECT "userId", "movieId", rating, to_timestamp(timestamp) FROM staged_ratings
ON CONFLICT (user_id, movie_id) DO UPDATE SET
    value = excluded.value, rated_at = excluded.rated_at
"""
COUNT_RATINGS: LiteralString = """
INSERT INTO movie_statistics
SELECT movie_id, count(*), sum((value * 2)::bigint),
       sum((value * 2)::bigint * (value * 2)::bigint)
FROM ratings GROUP BY movie_id
ON CONFLICT (movie_id) DO UPDATE SET
    n_ratings = excluded.n_ratings,
    half_stars_sum = excluded.half_stars_sum,
    half_stars_sum_squares = excluded.half_stars_sum_squares
"""
COUNT_CHANGES: LiteralString = """
UPDATE movie_statistics AS s SET n_changes = s.n_changes + staged.n
FROM (SELECT "movieId", count(*) AS n FROM staged_ratings GROUP BY "movieId") AS staged
WHERE s.movie_id = staged."movieId"
"""


def begin(connection: Connection[Any]) -> Cursor[Any]:
    """Prepare the transaction: no time limit, statistics counted once at its end."""
    cursor = connection.cursor()
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SET LOCAL cinefold.bulk_load = 'on'")
    for statement in (STAGE_MOVIES, STAGE_LINKS, STAGE_RATINGS):
        cursor.execute(statement)
    return cursor


def stage_movies(cursor: Cursor[Any], movies: Iterable[tuple[Any, ...]]) -> int:
    """Copy (id, title, year, genres) and merge them; return how many there are."""
    _copy_rows(cursor, "COPY staged_movies FROM STDIN (HEADER)", movies, n_columns=4)
    return cursor.execute(MERGE_MOVIES).rowcount


def stage_links(cursor: Cursor[Any], links: Iterable[tuple[Any, ...]]) -> None:
    """Copy (movie id, IMDb id, TMDB id) and merge them."""
    _copy_rows(cursor, "COPY staged_links FROM STDIN (HEADER)", links, n_columns=3)
    cursor.execute(MERGE_LINKS)


def _copy_rows(
    cursor: Cursor[Any],
    statement: LiteralString,
    rows: Iterable[tuple[Any, ...]],
    *,
    n_columns: int,
) -> None:
    with cursor.copy(statement) as copy:
        # A header, so that PostgreSQL counts lines as the file does.
        copy.write_row(("",) * n_columns)
        for row in rows:
            copy.write_row(row)


def stage_ratings(cursor: Cursor[Any], chunks: Iterable[bytes]) -> int:
    """Copy a ratings.csv as it is, which PostgreSQL parses; return its length."""
    statement = "COPY staged_ratings FROM STDIN (FORMAT csv, HEADER match)"
    with cursor.copy(statement) as copy:
        for chunk in chunks:
            copy.write(chunk)
    return cursor.rowcount


def find(cursor: Cursor[Any], query: LiteralString) -> tuple[Any, ...] | None:
    """Run one of the `FIND_` checks; `None` means nothing is wrong."""
    found: tuple[Any, ...] | None = cursor.execute(query).fetchone()
    return found


def merge(cursor: Cursor[Any]) -> int:
    """Move the staged ratings into the tables; return their number."""
    cursor.execute(MERGE_USERS)
    # Nobody rates between the merge and the count, so the statistics stay exact.
    cursor.execute("LOCK TABLE ratings IN SHARE ROW EXCLUSIVE MODE")
    n_ratings = cursor.execute(MERGE_RATINGS).rowcount
    cursor.execute(COUNT_RATINGS)
    cursor.execute(COUNT_CHANGES)
    return n_ratings
