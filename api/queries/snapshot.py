"""The data of training: ratings, votes and movies as of one moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import psycopg
from scipy import sparse

from api.queries.feedback import DISLIKED, LIKED
from api.settings import libpq_url
from engine.arrays import FloatVector, IdVector
from engine.data.features import one_hot
from engine.data.movielens import words_of
from engine.data.ratings import Ratings

# A binary COPY of one row has a header before the first field. An array has a header
# before its elements, each a length and a value. All numbers are big-endian.
COPY_HEADER_BYTES = 21
ARRAY_HEADER_BYTES = 20
PAGES_AT_ONCE = 2000  # about 300,000 ratings


Columns: TypeAlias = tuple[IdVector, IdVector, FloatVector]
"""Ratings as parallel arrays: user ids, movie ids, stars."""


@dataclass(frozen=True)
class Snapshot:
    """All data of training, as of one moment.

    `genres` and `item_features` have a row for each item of `ratings`, in its order.
    `votes`, read as stars, are on movies that their users have not rated; their users
    and items have rows in `ratings`.
    """

    ratings: Ratings
    votes: Ratings | None
    genres: list[list[str]]
    item_features: sparse.csr_array
    cutoff: datetime
    n_changes: int


# In the order of storage: no lookup, no sort.
RATINGS = """
SELECT user_id, movie_id, value FROM ratings WHERE ctid >= %s::tid AND ctid < %s::tid
"""
RATING_PAGES = """
SELECT pg_relation_size('ratings') / current_setting('block_size')::integer
"""
VOTES = """
SELECT user_id, movie_id, CAST(CASE WHEN is_like THEN %s ELSE %s END AS real) AS value
FROM opinions AS o WHERE NOT EXISTS (
    SELECT FROM ratings AS r WHERE (r.user_id, r.movie_id) = (o.user_id, o.movie_id)
)
"""


def read_snapshot(url: str, *, vote_weight: float = 0) -> Snapshot:
    """Read ratings, votes and catalogue as of one moment.

    A weight of 0 leaves votes out. Raises `DataError` when there is no rating.
    """
    with psycopg.connect(libpq_url(url)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        cursor = connection.cursor()
        cursor.execute("SET LOCAL statement_timeout = 0")
        # A load may replace the table; a snapshot from before its commit would see
        # no row in the new one.
        cursor.execute("LOCK TABLE ratings IN ACCESS SHARE MODE")
        query = "SELECT now(), coalesce(sum(n_changes), 0) FROM movie_statistics"
        cutoff, n_changed = cursor.execute(query).fetchone() or (None, 0)
        query = "SELECT id, genres, year FROM movies ORDER BY id"
        movies = cursor.execute(query).fetchall()
        rated = _rated(cursor)
        voted = _columns(cursor, VOTES, LIKED, DISLIKED) if vote_weight > 0 else None
    ratings = Ratings.from_arrays(
        *rated,
        users=None if voted is None else voted[0],
        items=np.array([movie_id for movie_id, _, _ in movies], dtype=int),
    )
    return Snapshot(
        ratings=ratings,
        votes=_votes(voted, vote_weight, ratings.value_range),
        genres=[genres for _, genres, _ in movies],
        item_features=one_hot([words_of(genres, year) for _, genres, year in movies]),
        cutoff=cutoff,
        n_changes=int(n_changed),
    )


def _rated(cursor: psycopg.Cursor[Any]) -> Columns:
    """Read all ratings, a fixed number of table pages at a time."""
    (n_pages,) = cursor.execute(RATING_PAGES).fetchone() or (0,)
    parts = [
        _columns(cursor, RATINGS, f"({page},0)", f"({page + PAGES_AT_ONCE},0)")
        for page in range(0, max(n_pages, 1), PAGES_AT_ONCE)
    ]
    users, movies, stars = (np.concatenate(each) for each in zip(*parts, strict=True))
    return users, movies, stars


def _columns(cursor: psycopg.Cursor[Any], query: str, *values: float | str) -> Columns:
    """Read user ids, movie ids and values as three arrays in a single row.

    The driver takes rows out of a COPY one by one, which is slow for a million.
    """
    statement = f"""
        COPY (
            SELECT array_agg(user_id), array_agg(movie_id), array_agg(value)
            FROM ({query}) AS found
        ) TO STDOUT (FORMAT binary)
    """  # noqa: S608 - constants of this module
    with cursor.copy(statement, values) as copy:
        row = b"".join(copy)
    columns, start = [], COPY_HEADER_BYTES
    for kind in (">i4", ">i4", ">f4"):
        # Without rows there is no array, and its length is -1.
        n_bytes = max(int.from_bytes(row[start : start + 4], "big", signed=True), 0)
        start += 4
        elements = row[start + ARRAY_HEADER_BYTES : start + n_bytes]
        column = np.frombuffer(elements, [("length", ">i4"), ("value", kind)])["value"]
        columns.append(column.astype(column.dtype.newbyteorder("=")))
        start += n_bytes
    return columns[0], columns[1], columns[2]


def _votes(
    voted: Columns | None, weight: float, value_range: tuple[float, float]
) -> Ratings | None:
    if voted is None or len(voted[0]) == 0:
        return None
    users, movies, stars = voted
    return Ratings.from_arrays(
        users,
        movies,
        np.clip(stars, *value_range),
        weights=np.full(len(stars), weight),
    )
