"""Load a MovieLens data set, completely or not at all."""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import Cursor
from psycopg.errors import CardinalityViolation, CheckViolation, UniqueViolation

from api.queries import loading as queries
from api.settings import libpq_url
from engine.data.movielens import MovieLens
from engine.errors import DataError

OnProgress = Callable[[str, int], None]

SAMPLE = Path(__file__).parents[2] / "data"
"""The bundled data set."""

MAX_HEADER = 1000
# PostgreSQL accepts 1_000, 0x10 and NaN as numbers; a file of ratings must not.
NOT_PLAIN = re.compile(rb"[^0-9.,\r\n]")
# The position that PostgreSQL reports for an error in a COPY.
COPY_CONTEXT = re.compile(r"COPY staged_(?P<file>[a-z]+), line (?P<line>[0-9]+)")


@dataclass(frozen=True)
class Loaded:
    """The size of a loaded data set."""

    n_movies: int
    n_ratings: int


def load(url: str, dataset: MovieLens, *, on_progress: OnProgress) -> Loaded:
    """Load movies, links and ratings in one transaction.

    Values of the file replace those of existing rows. `on_progress` receives the stage
    and the bytes of ratings.csv read so far. Raises `DataError`.
    """
    conninfo = libpq_url(url)
    try:
        with psycopg.connect(conninfo) as connection:
            cursor = queries.begin(connection)
            loaded = _load(cursor, dataset, on_progress)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise DataError(f"{dataset.path}: {_describe(error)}") from error
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ANALYZE movies, ratings, movie_statistics, users")
    return loaded


def _load(cursor: Cursor[Any], dataset: MovieLens, on_progress: OnProgress) -> Loaded:
    on_progress("movies", 0)
    n_movies = queries.stage_movies(
        cursor, ((m.id, m.title, m.year, list(m.genres)) for m in dataset.movies())
    )
    if dataset.has("links.csv"):
        links = ((x.movie_id, x.imdb_id, x.tmdb_id) for x in dataset.links())
        queries.stage_links(cursor, links)
    with dataset.open_bytes("ratings.csv") as file:
        n_ratings = queries.stage_ratings(cursor, _chunks(file, on_progress))
    if n_ratings == 0:
        raise DataError("ratings.csv has no ratings")
    on_progress("checks", 0)
    queries.merge_movies(cursor)
    if row := queries.find(cursor, queries.FIND_UNKNOWN_MOVIE):
        raise DataError(
            f"{dataset.path}: movies.csv lacks movie {row[0]} of ratings.csv"
        )
    on_progress("tables", 0)
    _merge_ratings(cursor, dataset, n_ratings)
    return Loaded(n_movies, n_ratings)


def _merge_ratings(cursor: Cursor[Any], dataset: MovieLens, n_ratings: int) -> None:
    try:
        with (
            cursor.connection.transaction()
        ):  # so that the reason can be read after a failure
            queries.merge_ratings(cursor, n_ratings)
    except (UniqueViolation, CardinalityViolation):
        row = queries.find(cursor, queries.FIND_REPEATED)
        assert row is not None  # noqa: S101 - nothing else is unique
        raise DataError(
            f"{dataset.path}: user {row[0]} rates movie {row[1]} twice; keep one line"
        ) from None


def _chunks(file: IO[bytes], on_progress: OnProgress) -> Iterator[bytes]:
    """Read the file without byte-order mark; accept only plain numbers."""
    header = file.readline(MAX_HEADER)
    yield header.removeprefix(BOM_UTF8)
    n_bytes, n_lines = len(header), 1
    while chunk := file.read(queries.COPY_BYTES):
        if odd := NOT_PLAIN.search(chunk):
            line = n_lines + 1 + chunk.count(b"\n", 0, odd.start())
            raise DataError(f"ratings.csv, line {line}: not a plain number")
        n_bytes += len(chunk)
        n_lines += chunk.count(b"\n")
        on_progress("ratings", n_bytes)
        yield chunk


def _describe(error: psycopg.Error) -> str:
    """Name the problem and the line that PostgreSQL reports, without the SQL."""
    reason = error.diag.message_primary or str(error)
    if isinstance(error, CheckViolation | UniqueViolation):
        reason = error.diag.constraint_name or reason
    found = COPY_CONTEXT.match(error.diag.context or "")
    return f"{found['file']}.csv, line {found['line']}: {reason}" if found else reason
