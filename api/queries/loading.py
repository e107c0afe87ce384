"""SQL that loads a data set in bulk, on one psycopg connection."""

from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import Connection, Cursor

COPY_BYTES = 1024 * 1024

# The names of these constraints are the messages for a refused file. The ids of
# registered users start above a billion, so a file cannot affect them.
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
COUNT_STAGED: LiteralString = """
CREATE TEMPORARY TABLE staged_counts ON COMMIT DROP AS
SELECT "movieId" AS movie_id, (rating * 2)::bigint AS half_stars, count(*) AS n
FROM staged_ratings GROUP BY "movieId", rating
"""
FIND_REPEATED: LiteralString = """
SELECT "userId", "movieId" FROM staged_ratings
GROUP BY "userId", "movieId" HAVING count(*) > 1 LIMIT 1
"""
FIND_UNKNOWN_MOVIE: LiteralString = """
SELECT movie_id FROM staged_counts EXCEPT SELECT id FROM movies LIMIT 1
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
# A new table would lose objects that others have built on the old one.
MAY_REPLACE: LiteralString = """
SELECT (SELECT count(*) FROM (SELECT FROM ratings LIMIT %(n)s + 1) AS few) <= %(n)s
AND NOT EXISTS (
    SELECT FROM pg_depend
    WHERE refclassid = 'pg_class'::regclass AND refobjid = 'ratings'::regclass
    AND classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass,
                    'pg_publication_rel'::regclass)
)
"""
CREATE_LOADED: LiteralString = """
CREATE TABLE loaded_ratings (LIKE ratings INCLUDING ALL EXCLUDING INDEXES)
"""
FILL_LOADED: LiteralString = """
INSERT INTO loaded_ratings (user_id, movie_id, value, rated_at)
SELECT "userId", "movieId", rating, to_timestamp(timestamp) FROM staged_ratings
"""
KEEP_OTHERS: LiteralString = """
INSERT INTO loaded_ratings SELECT * FROM ratings WHERE NOT EXISTS (
    SELECT FROM staged_ratings WHERE "userId" = user_id AND "movieId" = movie_id
)
"""
# Each makes statements that copy objects of the old table to the new one. Names of
# indexes are free once the old table is gone; keys come before other indexes.
KEYS: LiteralString = """
SELECT format('ALTER TABLE loaded_ratings ADD CONSTRAINT %I %s',
              'loaded_' || conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = 'ratings'::regclass AND contype IN ('p', 'f')
ORDER BY contype DESC
"""
INDEXES: LiteralString = """
SELECT replace(
    pg_get_indexdef(c.oid),
    format('INDEX %I ON %s.', c.relname, c.relnamespace::regnamespace),
    format('INDEX %I ON loaded_', 'loaded_' || c.relname)
)
FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
WHERE indrelid = 'ratings'::regclass AND NOT indisprimary
"""
TRIGGERS: LiteralString = """
SELECT replace(
    pg_get_triggerdef(t.oid),
    format(' ON %s.', c.relnamespace::regnamespace),
    ' ON loaded_'
)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid
WHERE c.oid = 'ratings'::regclass AND NOT tgisinternal
"""
PRIVILEGES: LiteralString = """
SELECT format(
    'GRANT %s ON loaded_ratings TO %s', privilege_type,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
)
FROM pg_class, aclexplode(relacl)
WHERE oid = 'ratings'::regclass AND grantee <> relowner
"""
REPLACE_RATINGS: LiteralString = """
DROP TABLE ratings;
ALTER TABLE loaded_ratings RENAME TO ratings
"""
NAMES: LiteralString = """
SELECT format('ALTER TABLE ratings RENAME CONSTRAINT %I TO %I',
              conname, substr(conname, length('loaded_') + 1))
FROM pg_constraint WHERE conrelid = 'ratings'::regclass AND contype IN ('p', 'f')
UNION ALL
SELECT format('ALTER INDEX %I RENAME TO %I',
              relname, substr(relname, length('loaded_') + 1))
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'ratings'::regclass AND NOT indisprimary
"""
# First by movie and stars: these are few groups, so that the sums cost little.
COUNTED: LiteralString = """(
    SELECT movie_id, (value * 2)::bigint AS half_stars, count(*) AS n
    FROM ratings GROUP BY movie_id, value
) AS counted"""
COUNT_RATINGS: LiteralString = """
INSERT INTO movie_statistics
SELECT movie_id, sum(n), sum(half_stars * n), sum(half_stars * half_stars * n)
FROM {} GROUP BY movie_id
ON CONFLICT (movie_id) DO UPDATE SET
    n_ratings = excluded.n_ratings,
    half_stars_sum = excluded.half_stars_sum,
    half_stars_sum_squares = excluded.half_stars_sum_squares
"""
COUNT_CHANGES: LiteralString = """
UPDATE movie_statistics AS s SET n_changes = s.n_changes + staged.n
FROM (SELECT movie_id, sum(n) AS n FROM staged_counts GROUP BY movie_id) AS staged
WHERE s.movie_id = staged.movie_id
"""


def begin(connection: Connection[Any]) -> Cursor[Any]:
    """Prepare the transaction: no time limit, statistics counted once at its end."""
    cursor = connection.cursor()
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SET LOCAL cinefold.bulk_load = 'on'")
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    cursor.execute("SET LOCAL work_mem = '64MB'")
    for statement in (STAGE_MOVIES, STAGE_LINKS, STAGE_RATINGS):
        cursor.execute(statement)
    return cursor


def stage_movies(cursor: Cursor[Any], movies: Iterable[tuple[Any, ...]]) -> int:
    """Copy (id, title, year, genres); return how many there are."""
    return _copy_rows(
        cursor, "COPY staged_movies FROM STDIN (HEADER)", movies, n_columns=4
    )


def stage_links(cursor: Cursor[Any], links: Iterable[tuple[Any, ...]]) -> None:
    """Copy (movie id, IMDb id, TMDB id)."""
    _copy_rows(cursor, "COPY staged_links FROM STDIN (HEADER)", links, n_columns=3)


def _copy_rows(
    cursor: Cursor[Any],
    statement: LiteralString,
    rows: Iterable[tuple[Any, ...]],
    *,
    n_columns: int,
) -> int:
    with cursor.copy(statement) as copy:
        # With a header, PostgreSQL counts lines as in the file.
        copy.write_row(("",) * n_columns)
        for row in rows:
            copy.write_row(row)
    return cursor.rowcount


def stage_ratings(cursor: Cursor[Any], chunks: Iterable[bytes]) -> int:
    """Copy an unchanged ratings.csv, which PostgreSQL parses; count its rows."""
    statement = "COPY staged_ratings FROM STDIN (FORMAT csv, HEADER match)"
    with cursor.copy(statement) as copy:
        for chunk in chunks:
            copy.write(chunk)
    return cursor.rowcount


def find(cursor: Cursor[Any], query: LiteralString) -> tuple[Any, ...] | None:
    """Run one of the `FIND_` checks; `None` means nothing is wrong."""
    found: tuple[Any, ...] | None = cursor.execute(query).fetchone()
    return found


def merge_movies(cursor: Cursor[Any]) -> None:
    """Lock the tables, then merge movies and links.

    Nobody else writes until the commit, so the statistics stay exact and transactions
    cannot deadlock. Others can read.
    """
    cursor.execute("LOCK TABLE movies, users, ratings IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute(MERGE_MOVIES)
    cursor.execute(MERGE_LINKS)
    cursor.execute(COUNT_STAGED)


def merge_ratings(cursor: Cursor[Any], n_staged: int) -> None:
    """Merge users and ratings, and recount ratings.

    If the file has at least as many ratings as the table, they go into a new table,
    unless views, policies or publications depend on the old one.

    A movie that a user rates twice raises `UniqueViolation` or `CardinalityViolation`.
    """
    cursor.execute(MERGE_USERS)
    row = cursor.execute(MAY_REPLACE, {"n": n_staged}).fetchone()
    if row is not None and row[0]:
        counted = COUNTED if _replace_table(cursor) else "staged_counts"
    else:
        cursor.execute(MERGE_RATINGS)
        counted = COUNTED
    cursor.execute(COUNT_RATINGS.format(counted))
    cursor.execute(COUNT_CHANGES)


def _replace_table(cursor: Cursor[Any]) -> int:
    """Write the ratings into a new table, then create its keys and indexes.

    Updating keys and indexes row by row takes many times as long. Dropping them from
    the old table would block readers of it, and of users and movies, until the commit.
    Returns the number of ratings that were not staged.
    """
    cursor.execute(CREATE_LOADED)
    cursor.execute(FILL_LOADED)
    cursor.execute("ANALYZE staged_ratings")  # whichever is smaller is looked up
    n_others = cursor.execute(KEEP_OTHERS).rowcount
    for query in (KEYS, INDEXES, TRIGGERS, PRIVILEGES):
        _execute_made(cursor, query)
    cursor.execute(REPLACE_RATINGS)
    _execute_made(cursor, NAMES)
    return n_others


def _execute_made(cursor: Cursor[Any], query: LiteralString) -> None:
    for (statement,) in cursor.execute(query).fetchall():
        cursor.execute(statement)
